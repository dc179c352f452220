from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from watcher.core.types import ModelId, ModelStatus, Pods, State
from watcher.errors import Retryable
from watcher.runtimes.kubernetes.answers import ApiError
from watcher.runtimes.kubernetes.marks import CONDITION, MARKS_MANAGER, Marker, Marks, condition_of, marks_of

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def status(state: State, version: str = "v2", reason: str = "", **more: Any) -> ModelStatus:
    return ModelStatus("team", "iris", version, state, reason, "", DAY, **more)


@pytest.mark.parametrize(
    ("found", "now", "expected"),
    [
        (Marks(), status(State.APPLIED), Marks("Progressing")),
        (Marks(), status(State.READY, loaded="data"), Marks("Ready", "v2", "data")),
        (Marks(), status(State.READY, "1.0+2"), Marks("Ready", "1.0_2")),
        (Marks("Progressing", "v2", "data"), status(State.READY), Marks("Ready", "v2", "data")),
        (Marks("Ready", "v1", "code"), status(State.READY), Marks("Ready", "v2")),
        (Marks("Ready", "v1", "code"), status(State.FAILED, reason="not a model"), Marks("Failed", "v1", "code")),
        (Marks(), status(State.REJECTED, "v1", "empty", pods=Pods("v1", 1, 1)), Marks("Rejected", "v1")),
        (Marks("Failed", "v1"), status(State.PAUSED, "v1", "paused"), Marks("Paused", "v1")),
    ],
)
def test_marks_of_a_status_keep_the_last_good_version_until_another_is_ready(
    found: Marks, now: ModelStatus, expected: Marks
) -> None:
    assert marks_of(now, found) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (status(State.READY), ("True", "Ready", "v2")),
        (status(State.APPLIED), ("Unknown", "Applied", "v2")),
        (status(State.FAILED, reason="not a model"), ("False", "Failed", "v2: not a model")),
        (status(State.REJECTED, "v1", "empty", about="v2"), ("False", "Rejected", "v2: empty")),
    ],
)
def test_condition_says_whether_the_model_is_ready_and_which_version_is_not(
    now: ModelStatus, expected: tuple[str, str, str]
) -> None:
    condition = condition_of(now)
    assert (condition["status"], condition["reason"], condition["message"]) == expected
    assert (condition["type"], condition["lastTransitionTime"]) == (CONDITION, "2026-01-01T00:00:00Z")


class Server:
    """An API server with the Deployment of one model."""

    def __init__(self, owner: str = "ours") -> None:
        self.meta: dict[str, Any] = {
            "name": "iris-model-serving",
            "namespace": "team",
            "uid": "1",
            "labels": {"kubeserve.io/owner": owner},
        }
        self.status: dict[str, Any] = {}
        self.calls: list[str] = []
        self.error: Exception | None = None

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        self.calls.append(method)
        if self.error:
            raise self.error
        if "iris" not in path:
            return None
        if method == "PATCH":
            assert options["query"]["fieldManager"] == MARKS_MANAGER
            assert body["metadata"]["uid"] == "1"
            if path.endswith("/status"):
                assert set(body) == {"apiVersion", "kind", "metadata", "status"}
                self.status = body["status"]
            else:
                assert set(body) == {"apiVersion", "kind", "metadata"}
                self.meta["labels"] |= body["metadata"]["labels"]
        return {"kind": "Deployment", "metadata": copy.deepcopy(self.meta), "status": copy.deepcopy(self.status)}


def test_mark_all_writes_after_a_change_and_nothing_where_the_marks_are_there_already() -> None:
    server, statuses = Server(), [status(State.READY)]
    marker = Marker(server, "ours", lambda: statuses)  # type: ignore[arg-type]
    marker.mark_all()
    assert server.calls == ["GET", "PATCH", "PATCH"]
    ours = {"kubeserve.io/owner": "ours", "kubeserve.io/state": "Ready", "kubeserve.io/last-good": "v2"}
    assert (server.meta["labels"], server.status["conditions"][0]["status"]) == (ours, "True")
    marker.mark_all()
    assert len(server.calls) == 3
    Marker(server, "ours", lambda: statuses).mark_all()  # type: ignore[arg-type] # after a restart
    assert server.calls[3:] == ["GET"]
    statuses.clear()
    marker.mark_all()
    assert marker._seen == {}


def test_mark_all_leaves_deployments_of_others_and_missing_ones_alone() -> None:
    server = Server(owner="theirs")
    missing = ModelStatus("team", "wine", "v1", State.REJECTED, "bad values", "", DAY)
    Marker(server, "ours", lambda: [status(State.READY), missing]).mark_all()  # type: ignore[arg-type]
    assert server.calls == ["GET", "GET"]


def test_mark_all_of_a_forbidden_one_goes_on_and_without_an_answer_tries_again() -> None:
    server = Server()
    marker = Marker(server, "ours", lambda: [status(State.READY)])  # type: ignore[arg-type]
    server.error = ApiError(500, "no")
    with pytest.raises(Retryable):
        marker.mark_all()
    server.error = ApiError(403, "forbidden")
    marker.mark_all()
    assert set(marker._seen) == {ModelId("team", "iris")}
