from __future__ import annotations

import threading

from watcher.client.doctor.gathering import gathered
from watcher.errors import Rejected, Retryable


def test_gathered_returns_results_errors_and_what_did_not_end_in_time() -> None:
    never = threading.Event()

    def rejected() -> None:
        raise Rejected("NoCluster", "no kubeconfig")

    def broken() -> None:
        raise KeyError("items")

    tasks = {"fine": lambda: 1, "rejected": rejected, "broken": broken, "late": never.wait}
    found = gathered(tasks, 0.2)
    assert found["fine"] == 1
    assert isinstance(found["rejected"], Rejected)
    assert str(found["broken"]) == "unexpected KeyError: 'items'"
    assert isinstance(found["late"], Retryable)
    never.set()
