"""Clean text of unknown origin, so that it is safe in a terminal, a log line or an Event. Pure."""

from __future__ import annotations

import re

LIMIT = 4096
"""Bytes. Kubernetes keeps this much of a container's termination message."""


SECRET_IN_A_URL = re.compile(
    r"""(://)(?:[^\s"'<>,@:/?#]*:[^\s"'<>]{0,2048}|[^\s"'<>,@:/?#]{1,2048})(?=@(?!sha256:))"""
    r"|((?:X-Amz-(?:Signature|Credential|Security-Token))=)[^\s&]+"
)
"""The login before the host of an address, percent-encoded or not, and what makes a signed one as good as a key."""
WINDOW = 8192
"""Characters that are searched for these: a token may be longer than what is shown."""
CLEAN_LIMIT = 300
"""Characters of a text by somebody else that are shown."""


def clean(text: object) -> str:
    """Return a text by somebody else (a library, a model, a client) as one line of printable characters.

    It has at most CLEAN_LIMIT characters; a shortened one ends in "…". The twin of `watcher.core.text.clean`: the
    server and the watcher share no code but `strict_http` and `requirements_txt`.
    """
    shown = masked(str(text)[:WINDOW])
    line = _printable(shown, CLEAN_LIMIT)
    return line if len(shown) <= CLEAN_LIMIT else f"{line[: CLEAN_LIMIT - 1]}…"


def one_line(text: str, limit: int = LIMIT) -> str:
    """Return a sentence of ours, which may have a stranger's text in it, as one line of printable characters.

    It has at most `limit` bytes in UTF-8. The twin of `watcher.core.text.one_line`.
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
