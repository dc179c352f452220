"""HTTP in, HTTP out: handlers only translate."""

from __future__ import annotations

from http import HTTPStatus
from time import perf_counter
from typing import Any

import structlog
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sanic import Sanic
from sanic.exceptions import PayloadTooLarge, SanicException
from sanic.request import Request
from sanic.response import HTTPResponse, json

from server import hot
from server.answers import JsonAnswer
from server.errors import InputError, ModelError, Overloaded
from server.metrics import Metrics
from server.payload import encode, parse
from server.predictor import Predictor

log = structlog.get_logger()

App = Sanic[Any, Any]


def add_routes(app: App, predictor: Predictor, metrics: Metrics, name: str, version: str) -> None:
    """`/predict`, `/health` and `/metrics`."""
    who = {"model": name, "version": version}

    @app.post("/predict")
    async def predict(request: Request) -> HTTPResponse:
        started = perf_counter()
        X = hot.matrix(request.body, predictor.features)
        if X is not None:
            parsed = perf_counter()
            answer = predictor.at_once(X)
            if answer is not None:
                predicted = perf_counter()
                body = hot.encoded(answer)
                metrics.served((X, answer, started, parsed, predicted, perf_counter()))
                return JsonAnswer(body)
        return await predict_any(request)

    async def predict_any(request: Request) -> HTTPResponse:
        if predictor.model is None:
            return failure(predictor.reason, HTTPStatus.SERVICE_UNAVAILABLE)
        started = perf_counter()
        X = parse(request.body, predictor.model.schema)
        metrics.phases["parse"].observe(perf_counter() - started)
        answer = await predictor.predict(X)
        started = perf_counter()
        body = encode(answer)
        metrics.phases["encode"].observe(perf_counter() - started)
        return JsonAnswer(body)

    @app.get("/health")
    async def health(_: Request) -> HTTPResponse:
        if predictor.reason:
            return json({"status": "loading", "reason": predictor.reason, **who}, status=503)
        return json({"status": "ok", **who})

    @app.get("/metrics")
    async def show_metrics(_: Request) -> HTTPResponse:
        return HTTPResponse(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)


def add_error_handling(app: App) -> None:
    """Every error is `{"error": "…"}`; a fault of ours is logged, and never shown."""

    @app.exception(Exception)
    async def failed(request: Request, error: Exception) -> HTTPResponse:
        if isinstance(error, InputError):
            return failure(str(error), HTTPStatus.BAD_REQUEST)
        if isinstance(error, Overloaded):
            return failure(str(error), HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(error.retry_after)})
        if isinstance(error, ModelError):
            return failure(str(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(error, PayloadTooLarge):
            limit = request.app.config.REQUEST_MAX_SIZE
            return failure(f"the body is larger than {limit} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if isinstance(error, SanicException):
            return failure(str(error), error.status_code, error.headers)
        log.error("fault", path=request.path, error=f"{type(error).__name__}: {error}")
        return failure("internal error; the server's log says more", HTTPStatus.INTERNAL_SERVER_ERROR)


def failure(message: str, status: int, headers: dict[str, str] | None = None) -> HTTPResponse:
    return json({"error": message}, status=int(status), headers=headers)
