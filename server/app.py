"""Wiring only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from sanic import Sanic

from server.answers import WholeBodyRequest
from server.counted import CountedSanic
from server.errors import ModelError
from server.metrics import Metrics
from server.predictor import Predictor
from server.routes import add_error_handling, add_routes

log = structlog.get_logger()

SANIC = {
    "ACCESS_LOG": False,
    "FALLBACK_ERROR_FORMAT": "json",
    # A client that sends its request slower than this holds a connection for nothing.
    "REQUEST_TIMEOUT": 30,
    "RESPONSE_TIMEOUT": 60,
    "KEEP_ALIVE_TIMEOUT": 75,
    # Idle keep-alive connections are not waited for longer than this; requests in flight are seconds at most.
    "GRACEFUL_SHUTDOWN_TIMEOUT": 2.0,
}


def create_app(
    path: Path, *, name: str, version: str, max_body_size: int, fail: Callable[[str], None]
) -> Sanic[Any, Any]:
    """The app; the model loads in the background, and `fail` is called with the reason if it cannot."""
    app = CountedSanic("kubeserve-server", request_class=WholeBodyRequest, configure_logging=False)
    app.config.update({**SANIC, "REQUEST_MAX_SIZE": max_body_size})
    metrics = app.ctx.metrics = Metrics(name, version, lambda: predictor.waiting_rows)
    predictor = Predictor(path, meter=metrics)
    add_routes(app, predictor, metrics, name, version)
    add_error_handling(app)

    async def load() -> None:
        try:
            await predictor.load()
        except ModelError as error:
            fail(str(error))
            app.stop()
        else:
            assert predictor.model
            library, schema = predictor.model.library, predictor.model.schema
            if metrics.drift:
                metrics.drift.know(schema.names, schema.features, schema.classes)
            metrics.loaded(predictor.load_seconds, {"library": library})
            log.info("ready", model=name, version=version, library=library, seconds=round(predictor.load_seconds, 2))

    @app.after_server_start
    async def start(app: Sanic[Any, Any]) -> None:
        app.ctx.loading = asyncio.create_task(load())  # kept: the loop holds tasks only weakly

    @app.before_server_stop
    async def stop(_: Sanic[Any, Any]) -> None:
        predictor.close()

    return app
