"""What a push shows a person on its way. The command line and notebooks each have their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from watcher.stores.base import Progress


class Report(Protocol):
    """Shows a person how far the push is."""

    def line(self, word: str, text: str) -> None:
        """Show what has happened."""
        ...

    def sending(self, size: int) -> AbstractContextManager[Progress]:
        """Show an upload of `size` bytes while it runs."""
        ...


class Silent:
    """Implements `Report` for programs and quiet notebooks: shows nothing."""

    def line(self, word: str, text: str) -> None:
        """Do nothing."""

    @contextmanager
    def sending(self, size: int) -> Iterator[Progress]:  # noqa: ARG002 - as the protocol says
        """Count nothing."""
        yield lambda _: None
