"""The code that a request is counted with is the one that its client gets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sanic.exceptions import ServiceUnavailable

from server.app import create_app
from server.counted import _outcome
from server.settings import Settings

ROUTE = SimpleNamespace(path="predict")


@pytest.mark.parametrize(
    ("response", "exception", "code"),
    [
        (SimpleNamespace(status=400), None, 400),
        (None, ServiceUnavailable("Response Timeout"), 503),
        (None, None, 499),
    ],
)
def test_the_code_is_what_the_client_gets(response: Any, exception: Any, code: int) -> None:
    stream = SimpleNamespace(response=response, exception=exception)
    request: Any = SimpleNamespace(stream=stream, route=ROUTE)
    assert _outcome(request) == ("/predict", code)


def test_a_request_may_wait_for_its_deadline_and_be_predicted_for_minutes_more() -> None:
    app = create_app(Settings(model=Path("model.joblib"), deadline=120.0), print)
    assert app.config.RESPONSE_TIMEOUT == 420
    assert app.config.GRACEFUL_SHUTDOWN_TIMEOUT == 125
