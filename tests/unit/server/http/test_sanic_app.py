"""Requests are recorded with the code that their client gets, and are not kept afterwards."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from sanic import Sanic
from sanic.exceptions import ServiceUnavailable

from server.http.body_budget import BodyBudget
from server.http.sanic_app import KubeserveSanic, _outcome, endpoint
from server.telemetry.metrics import Metrics

ROUTE = SimpleNamespace(path="predict")


@pytest.mark.parametrize(
    ("response", "exception", "code"),
    [
        (SimpleNamespace(status=400), None, 400),
        (None, ServiceUnavailable("Response Timeout"), 503),
        (None, None, 499),
    ],
)
def test_outcome_code_is_what_the_client_gets(response: Any, exception: Any, code: int) -> None:
    stream = SimpleNamespace(response=response, exception=exception)
    request: Any = SimpleNamespace(stream=stream, route=ROUTE)
    assert _outcome(request) == ("/predict", code)


class Request:
    """The parts of a request that are used."""

    stream, route, body = None, None, b"large"


def test_handle_request_releases_the_body_of_a_request_that_sanic_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handled(_: object, request: Request) -> None:
        assert request.body == b"large"

    monkeypatch.setattr(Sanic, "handle_request", handled)
    app, request = KubeserveSanic("recorded"), Request()
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
def test_endpoint_is_the_path_as_users_write_it(path: str, shown: str) -> None:
    assert endpoint(path) == shown


def test_endpoint_of_every_route_is_readable_and_the_fast_path_uses_the_same(app: Any) -> None:
    named = {endpoint(route.path) for route in app.router.routes}
    assert [name for name in named if "<" in name] == []
    assert {it.route for it in app.ctx.fast_path.endpoints.values()} <= named
