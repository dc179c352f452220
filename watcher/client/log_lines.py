"""A line of a model's log, wherever it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `origin` is the pod or, on this machine, the version. A note is ours: it says why there is no log."""

    origin: str
    text: str
    is_note: bool = False


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
