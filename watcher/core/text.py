"""Clean text of unknown origin, so that it is safe in a terminal, a table, a log line or an Event. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

LIMIT = 4096
"""Bytes. The size of a container's termination message in Kubernetes; longer texts add nothing to a reason."""
KIBI = 1024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def one_line(text: str, limit: int = LIMIT) -> str:
    """Return `text` as one line of printable characters, at most `limit` bytes in UTF-8.

    Each run of white space, control characters, bidirectional controls and other invisible characters becomes one
    space. The cost depends on `limit`, not on the length of `text`. A shortened text ends in "…".
    """
    printable = "".join(character if character.isprintable() else " " for character in text[:limit])
    line = " ".join(printable.split())
    if len(text) <= limit and len(line.encode()) <= limit:
        return line
    return line.encode()[: limit - len("…".encode())].decode(errors="ignore") + "…"


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON that is safe in a terminal: with escapes where a character is not printable.

    JSON itself demands escapes of the first 32 control characters alone.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    is_safe = all(line.isprintable() for line in text.split("\n"))
    return text if is_safe else json.dumps(value, indent=indent)


def timestamp(time: datetime | None) -> str | None:
    """Return a time in ISO 8601, to the second."""
    return time.isoformat(timespec="seconds") if time else None


def size(count: int | None) -> str:
    """Return a number of bytes for people: `512 B`, `1.4 MiB`; "" if it is not known."""
    if count is None:
        return ""
    number, unit = float(count), 0
    while number >= KIBI and unit < len(UNITS) - 1:
        number, unit = number / KIBI, unit + 1
    return f"{number:.1f} {UNITS[unit]}" if unit else f"{count} B"


def json_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object in a file that anyone may have written; {} if it is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
