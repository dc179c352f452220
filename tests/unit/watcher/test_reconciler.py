from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watcher.errors import Rejected, Retryable, WatcherError
from watcher.metrics import Metrics
from watcher.models import FINGERPRINT, Change, Manifest, ModelId, Observed, Release, State, StoredObject
from watcher.reconciler import Reconciler
from watcher.status import Board

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IRIS = ModelId("team", "iris")


class OneModel:
    """A bucket that holds team/iris v1."""

    name = "models"

    def list(self, prefix: str = "") -> list[StoredObject]:
        return [StoredObject(f"{IRIS.prefix}v1/model.joblib", "etag", 1, NOW)]

    def read(self, key: str, limit: int) -> bytes:
        raise AssertionError(key)


class Refusing:
    """A runtime in which nothing runs and nothing can be written."""

    def __init__(self, error: WatcherError) -> None:
        self.error = error

    def render(self, release: Release) -> list[Manifest]:
        return [{"kind": "Process", "metadata": {"annotations": {FINGERPRINT: "1"}}}]

    def observe(self, model: ModelId | None = None) -> dict[ModelId, Observed]:
        return {}

    def apply(self, release: Release | None, change: Change) -> None:
        raise self.error

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Retryable("ApiError", "the range of addresses is full"), State.PROGRESSING),
        (Rejected("Forbidden", "the quota is used up"), State.REJECTED),
    ],
)
def test_a_model_that_was_never_applied_is_shown_with_the_reason(error: WatcherError, state: State) -> None:
    board = Board()
    reconciler = Reconciler(OneModel(), Refusing(error), board, Metrics(), now=lambda: NOW)
    with pytest.raises(type(error)):
        reconciler.reconcile(IRIS)
    status = board.get(IRIS)
    assert status
    assert (status.state, status.reason) == (state, str(error))
