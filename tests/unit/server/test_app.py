"""Why a model cannot be served is one line, whatever its code raises; the time limits fit each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.app import limits_of, reason_of
from server.errors import ModelError
from server.http.shutdown import EXIT, LAST_PREDICTION
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
def test_reason_of_any_error_is_one_line(error: Exception, line: str) -> None:
    assert reason_of(error) == line


def test_limits_of_the_default_settings_are_the_default_limits() -> None:
    assert limits_of(Settings(model=Path("model.joblib"))) == Limits()


def test_create_app_response_timeout_covers_deadline_and_minutes_of_prediction(app: Any) -> None:
    assert app.config.RESPONSE_TIMEOUT == 420


def test_create_app_stop_ends_within_the_pods_grace_period_after_the_drain(app: Any) -> None:
    assert app.config.GRACEFUL_SHUTDOWN_TIMEOUT == 120 + LAST_PREDICTION - EXIT
    assert 0 < EXIT < LAST_PREDICTION
