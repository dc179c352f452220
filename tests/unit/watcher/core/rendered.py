"""One release, and its objects as the watcher renders them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from watcher.core.chart import defaults, merge
from watcher.core.render import render
from watcher.core.types import ModelId, ModelVersion, Release, Store, StoredObject

MODEL = ModelId("team", "iris")
ARTIFACT = StoredObject("team/iris/v1+x/model.joblib", "e1", 7, datetime(2026, 1, 1, tzinfo=UTC))
RELEASE = Release(ModelVersion(MODEL, "v1+x", ARTIFACT))
STORE = Store("models", "minio:9000", secure=False)


def by_kind(release: Release = RELEASE, **base: Any) -> dict[str, Any]:
    """Return the objects of `release` by kind, with `base` as the chart values for every model."""
    return {item["kind"]: item for item in render(release, STORE, "models", base)}


def pod_of(**base: Any) -> dict[str, Any]:
    """Return the pod's spec in the Deployment."""
    return dict(by_kind(**base)["Deployment"]["spec"]["template"]["spec"])


def keyed(**values: Any) -> dict[str, Any]:
    """Return complete values of the chart by itself, whose pods fetch with keys of the store."""
    model = {"s3Path": f"s3://models/{ARTIFACT.key}", "s3AccessKey": "key"}
    return merge(defaults(), {"model": model}, values)
