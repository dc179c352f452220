from __future__ import annotations

from tests.promql import filled, named


def test_named_finds_metrics_matchers_and_groups_but_nothing_in_texts() -> None:
    found = named('sum by (le, x) (rate(kubeserve_a_bucket{b="kubeserve_c{", d!~"e"}[5m])) / on (f) kubeserve:g:1h')
    assert found.metrics == {"kubeserve_a_bucket"}
    assert found.matched == {("kubeserve_a_bucket", "b"), ("kubeserve_a_bucket", "d")}
    assert found.grouped == {"le", "x", "f"}


def test_filled_replaces_the_variables_of_grafana() -> None:
    assert (
        filled('rate(a{b=~"$b", c="$c"}[$__rate_interval] offset $__range)')
        == 'rate(a{b=~".*", c=~".*"}[5m] offset 1h)'
    )
