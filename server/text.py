"""Clean text of unknown origin, so that it is safe in a terminal, a log line or an Event. Pure."""

from __future__ import annotations

LIMIT = 4096
"""Bytes. Kubernetes keeps this much of a container's termination message."""


def one_line(text: str, limit: int = LIMIT) -> str:
    """Return `text` as one line of printable characters, at most `limit` bytes in UTF-8.

    The twin of `watcher.core.text.one_line`: the server and the watcher share no code but `strict_http`.
    """
    printable = "".join(character if character.isprintable() else " " for character in text[:limit])
    line = " ".join(printable.split())
    if len(text) <= limit and len(line.encode()) <= limit:
        return line
    return line.encode()[: limit - len("…".encode())].decode(errors="ignore") + "…"
