"""The code that a request is counted with is the one that its client gets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sanic import Sanic
from sanic.exceptions import ServiceUnavailable

from server.app import create_app
from server.http.body_budget import BodyBudget
from server.http.sanic_app import KubeserveSanic, _outcome, endpoint
from server.settings import Settings
from server.telemetry.metrics import Metrics

ROUTE = SimpleNamespace(path="predict")


@pytest.fixture(scope="module")
def app() -> Any:
    """One for all tests: Sanic takes its name once."""
    return create_app(Settings(model=Path("model.joblib"), deadline=120.0), print)


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


class Request:
    """As much of Sanic's as is looked at."""

    stream, route, body = None, None, b"large"


def test_a_body_is_not_kept_with_its_request_which_sanic_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handled(_: object, request: Request) -> None:
        assert request.body == b"large"

    monkeypatch.setattr(Sanic, "handle_request", handled)
    app, request = KubeserveSanic("counted"), Request()
    metrics = Metrics("", "")
    app.ctx.metrics, app.ctx.open, app.ctx.body_budget = metrics, set(), BodyBudget(1, metrics)
    asyncio.run(app.handle_request(request))  # type: ignore[arg-type]
    assert request.body == b""


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("", "/"),
        ("predict", "/predict"),
        ("v1/models/<segment:str>", "/v1/models/{model}:predict"),
        ("v2/models/<model:str>/versions/<version:str>/infer", "/v2/models/{model}/versions/{version}/infer"),
    ],
)
def test_an_endpoint_is_called_as_its_users_write_it(path: str, shown: str) -> None:
    assert endpoint(path) == shown


def test_every_endpoint_has_such_a_name_and_both_ways_to_answer_use_the_same(app: Any) -> None:
    named = {endpoint(route.path) for route in app.router.routes}
    assert [name for name in named if "<" in name] == []
    assert {hot.route for hot in app.ctx.fast_path.endpoints.values()} <= named


def test_a_request_may_wait_for_its_deadline_and_be_predicted_for_minutes_more(app: Any) -> None:
    assert app.config.RESPONSE_TIMEOUT == 420
    assert app.config.GRACEFUL_SHUTDOWN_TIMEOUT == 125
