"""How long an upload takes to be applied and to answer, as metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from watcher.core.types import ModelId, Release
from watcher.metrics import Metrics


class UploadTimes:
    """Thread-safe, as long as each model is worked on by one thread at a time."""

    def __init__(self, metrics: Metrics, now: Callable[[], datetime]) -> None:
        self._metrics, self._now = metrics, now
        self._applied: dict[ModelId, tuple[str, datetime]] = {}

    def applied(self, release: Release) -> None:
        """Record that the objects of a release were written because of an upload."""
        artifact = release.version.artifact
        self._applied[release.model] = (artifact.etag, artifact.modified)
        self._metrics.to_applied.observe(self._since(artifact.modified))

    def ready(self, model: ModelId, etag: str) -> None:
        """Record that the artifact with this ETag answers, if it was applied and not yet recorded."""
        applied_etag, modified = self._applied.get(model, ("", None))
        if modified and applied_etag == etag:
            self._applied.pop(model, None)
            self._metrics.to_ready.observe(self._since(modified))

    def forget(self, models: Iterable[ModelId]) -> None:
        """Forget models that are gone."""
        for model in models:
            self._applied.pop(model, None)

    def _since(self, uploaded: datetime) -> float:
        return max(0.0, (self._now() - uploaded).total_seconds())
