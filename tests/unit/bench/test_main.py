from __future__ import annotations

import argparse

import pytest

from tests.bench.serving.__main__ import ROOT, _target, servers_named
from tests.bench.serving.servers import MLFLOW, MLSERVER, MLSERVER_BATCHING, OURS


def test_servers_named_selects_by_the_start_of_the_name() -> None:
    assert servers_named("mlf, KUBE") == [OURS, MLFLOW]
    assert servers_named("mlserver") == [MLSERVER, MLSERVER_BATCHING]


@pytest.mark.parametrize("names", ["kubeserve,triton", "kubeserve,", ""])
def test_servers_named_with_an_unknown_name_lists_the_known_ones(names: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="there are KubeServe / Sanic echo / "):
        servers_named(names)


def test_target_is_docs_only_for_a_complete_run() -> None:
    assert _target(whole=True) == ROOT / "docs"
    assert _target(whole=False) == ROOT / ".kubeserve" / "bench"
