"""Why a model cannot be served is one line, whatever its own code raises."""

from __future__ import annotations

import pytest

from server.app import reason_of
from server.errors import ModelError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ModelError("put joblib into requirements.txt"), "put joblib into requirements.txt"),
        (TypeError("one line"), "the model cannot be described: TypeError: one line"),
        (TypeError("one line\nand more"), "the model cannot be described: TypeError: one line"),
        (TypeError(), "the model cannot be described: TypeError: "),  # no words: it must not raise in its turn
    ],
)
def test_the_reason_is_one_line(error: Exception, line: str) -> None:
    assert reason_of(error) == line
