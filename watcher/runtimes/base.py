"""What the watcher needs of the place where models run."""

from __future__ import annotations

from typing import Protocol

from watcher.core.types import Change, Manifest, ModelId, Observed, Release


class Runtime(Protocol):
    """The actual state. Errors are `WatcherError`s; every method is thread-safe and safe to repeat.

    A namespace that cannot be read is observed as a `whole` one without objects, whose reason says why.
    """

    def render(self, release: Release) -> list[Manifest]: ...
    def observe(self, model: ModelId | None = None) -> dict[ModelId, Observed]: ...
    def apply(self, release: Release | None, change: Change) -> None: ...
    def close(self) -> None: ...
