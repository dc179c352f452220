"""Clean text of unknown origin, so that it is safe in a terminal, a table, a log line or an Event. Pure."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

LIMIT = 4096
"""Bytes. The size of a container's termination message in Kubernetes; longer texts add nothing to a reason."""
SECRET_IN_A_URL = re.compile(
    r"""(://)(?:[^\s"'<>,@:/?#]*:[^\s"'<>]{0,2048}|[^\s"'<>,@:/?#]{1,2048})(?=@(?!sha256:))"""
    r"|((?:X-Amz-(?:Signature|Credential|Security-Token))=)[^\s&]+"
)
"""The login before the host of an address, percent-encoded or not, and what makes a signed one as good as a key."""
WINDOW = 8192
"""Characters that are searched for these: a token may be longer than what is shown."""
CLEAN_LIMIT = 300
"""Characters of a text by somebody else that are shown."""
KIBI = 1024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def clean(text: object) -> str:
    """Return a text by somebody else (a key, a model's last line, another program's error) as one printable line.

    This is the door for such texts: they get in here, and nowhere else. It has at most CLEAN_LIMIT characters; a
    shortened one ends in "…".
    """
    shown = masked(str(text)[:WINDOW])
    line = _printable(shown, CLEAN_LIMIT)
    return line if len(shown) <= CLEAN_LIMIT else f"{line[: CLEAN_LIMIT - 1]}…"


def one_line(text: str, limit: int = LIMIT) -> str:
    """Return a sentence of ours, which may have a stranger's text in it, as one line of printable characters.

    It has at most `limit` bytes in UTF-8, and its cost depends on that, not on the length of `text`. A shortened text
    ends in "…".
    """
    line = _printable(text, limit)
    if len(text) <= limit and len(line.encode()) <= limit:
        return line
    return line.encode()[: limit - len("…".encode())].decode(errors="ignore") + "…"


def masked(text: str) -> str:
    """Return the text with "…" in place of each login and signature in an address."""
    return SECRET_IN_A_URL.sub(lambda found: f"{found[1] or found[2]}…", text)


def _printable(text: str, limit: int) -> str:
    """Return the text with one space in place of each run of white space and of characters that are not printable.

    Those are control characters, bidirectional controls, other invisible characters and lone surrogates. The login or
    the signature in an address becomes "…".
    """
    shown = masked(text[: max(2 * limit, WINDOW)])[:limit]
    return " ".join("".join(character if character.isprintable() else " " for character in shown).split())


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
