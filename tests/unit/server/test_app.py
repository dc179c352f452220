"""Why a model cannot be served is one line, whatever its own code raises."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.app import limits_of, reason_of
from server.errors import ModelError
from server.inference.batcher import Limits
from server.settings import Settings


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ModelError("put joblib into requirements.txt"), "put joblib into requirements.txt"),
        (TypeError("one line"), "the model cannot be described: TypeError: one line"),
        (TypeError("one line\nand more"), "the model cannot be described: TypeError: one line"),
        (TypeError(), "the model cannot be described: TypeError: TypeError"),  # an error without a text
    ],
)
def test_the_reason_is_one_line(error: Exception, line: str) -> None:
    assert reason_of(error) == line


def test_limits_of_the_default_settings_are_the_default_limits() -> None:
    assert limits_of(Settings(model=Path("model.joblib"))) == Limits()
