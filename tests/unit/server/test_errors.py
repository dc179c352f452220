"""The error text that is shown of a library or a model."""

from __future__ import annotations

import pytest

from server.errors import first_line
from server.text import CLEAN_LIMIT


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError("\n  one"), "one"),
        (ValueError(), "ValueError"),
        (ValueError("a" * 100_000), f"{'a' * (CLEAN_LIMIT - 1)}…"),
    ],
)
def test_first_line_is_short_and_never_empty(error: Exception, line: str) -> None:
    assert first_line(error) == line
