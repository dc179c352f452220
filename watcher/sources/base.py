"""What a hint source needs of the rest of the watcher."""

from __future__ import annotations

from typing import Protocol


class Health(Protocol):
    """Records whether a source is live and how many hints it gave. Thread-safe."""

    def report(self, name: str, *, live: bool, detail: str = "") -> bool: ...
    def count(self, name: str, hints: int) -> None: ...
    def is_live(self, name: str) -> bool: ...
