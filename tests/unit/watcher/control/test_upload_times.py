from __future__ import annotations

from datetime import UTC, datetime, timedelta

from watcher.control.upload_times import UploadTimes
from watcher.core.types import ModelId, ModelVersion, Release, StoredObject
from watcher.metrics import Metrics

IRIS, UPLOADED = ModelId("team", "iris"), datetime(2026, 1, 1, tzinfo=UTC)
RELEASE = Release(ModelVersion(IRIS, "v1", StoredObject("team/iris/v1/model.joblib", "e1", 1, UPLOADED)))


def times(metrics: Metrics) -> list[float | None]:
    """Return count and sum of both metrics."""
    names = (f"upload_to_{event}_seconds_{part}" for event in ("applied", "ready") for part in ("count", "sum"))
    return [metrics.registry.get_sample_value(f"kubeserve_watcher_{name}") for name in names]


def test_ready_is_recorded_once_and_only_for_the_artifact_that_was_applied() -> None:
    metrics, clock = Metrics(), [UPLOADED + timedelta(seconds=2)]
    uploads = UploadTimes(metrics, lambda: clock[0])
    uploads.applied(RELEASE)
    clock[0] += timedelta(seconds=5)
    uploads.ready(IRIS, "e0")  # the version before still answers
    assert times(metrics) == [1, 2, 0, 0]
    for _ in range(3):
        uploads.ready(IRIS, "e1")
    assert times(metrics) == [1, 2, 1, 7]


def test_applied_with_a_clock_behind_that_of_the_store_records_zero() -> None:
    metrics = Metrics()
    UploadTimes(metrics, lambda: UPLOADED - timedelta(seconds=9)).applied(RELEASE)
    assert times(metrics)[:2] == [1, 0]


def test_forget_drops_a_model_that_never_became_ready() -> None:
    uploads = UploadTimes(Metrics(), lambda: UPLOADED)
    uploads.applied(RELEASE)
    uploads.forget([IRIS])
    assert uploads._applied == {}
