"""Which servers are measured, and where the page goes."""

from __future__ import annotations

import argparse

import pytest

from tests.bench.serving.__main__ import ROOT, _target, servers_named
from tests.bench.serving.servers import MLFLOW, MLSERVER, MLSERVER_BATCHING, OURS


def test_servers_are_chosen_by_the_start_of_their_names() -> None:
    assert servers_named("mlf, KUBE") == [OURS, MLFLOW]
    assert servers_named("mlserver") == [MLSERVER, MLSERVER_BATCHING]


@pytest.mark.parametrize("names", ["kubeserve,triton", "kubeserve,", ""])
def test_a_name_that_is_none_is_an_error_that_lists_them(names: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="there are KubeServe / Sanic echo / "):
        servers_named(names)


def test_only_a_whole_run_replaces_the_figures_in_docs() -> None:
    assert _target(whole=True) == ROOT / "docs"
    assert _target(whole=False) == ROOT / ".kubeserve" / "bench"
