"""A line of a model's log, wherever it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import structlog

from watcher.core.text import json_text, one_line


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `origin` is the pod or, on this machine, the version. A note is ours: it says why there is no log."""

    origin: str
    text: str
    is_note: bool = False


def for_people(text: str) -> str:
    """Return a line of the server's JSON log as the server prints it on a terminal, in colours; any other line as is.

    Control characters that JSON had escaped stay out.
    """
    try:
        found = json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        return text
    if not isinstance(found, dict) or not isinstance(found.get("event"), str):
        return text
    render = structlog.dev.ConsoleRenderer(colors=True, pad_event_to=0, sort_keys=False)
    return str(render(None, "", {one_line(key): _clean(value) for key, value in found.items()}))


def _clean(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) else one_line(json_text(value))


class Lines:
    """Cuts bytes that arrive in pieces into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, piece: bytes) -> list[str]:
        """Return the lines that end in this piece. A line of more than a megabyte is cut."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > LONGEST:
            whole, self._rest = [*whole, self._rest], b""
        return [_text(line) for line in whole]

    def end(self) -> list[str]:
        """Return the last line, if it has no end."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


LONGEST = 1024 * 1024
"""Bytes of a line. The model's code may write without an end of a line."""


def _text(line: bytes) -> str:
    """Return a line without what would move a terminal's cursor; its spaces stay, because tracebacks are indented."""
    text = line.decode(errors="replace").rstrip("\r")
    return "".join(character if character.isprintable() or character == "\t" else " " for character in text)
