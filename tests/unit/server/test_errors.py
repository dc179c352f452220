"""The error text that is shown of a library or a model."""

from __future__ import annotations

import pytest

from server.errors import MAX_LINE, first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError("\n  one"), "one"),
        (ValueError(), "ValueError"),
        (ValueError("a" * 100_000), "a" * MAX_LINE),
    ],
)
def test_first_line_is_short_and_never_empty(error: Exception, line: str) -> None:
    assert first_line(error) == line
