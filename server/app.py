"""Wiring: what the server is made of, its time limits, and the task that loads the model and keeps the metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from sanic import Sanic

from server.errors import ModelError, first_line
from server.http.body import WholeBodyRequest
from server.http.body_budget import BodyBudget
from server.http.errors import add_error_handling
from server.http.fast_path import FastPath
from server.http.routes import add_routes
from server.http.sanic_app import KubeserveSanic
from server.http.service import Service
from server.http.shutdown import close_after_answers, drain_on_sigterm
from server.inference.batcher import Limits
from server.inference.predictor import Predictor
from server.settings import Settings
from server.telemetry.metrics import Metrics

log = structlog.get_logger()

SANIC = {
    "ACCESS_LOG": False,
    "FALLBACK_ERROR_FORMAT": "json",
    # Of the header, and from one piece of a body to the next (server/http/connection.py).
    "REQUEST_TIMEOUT": 30,
    "KEEP_ALIVE_TIMEOUT": 75,
}

LONGEST_PREDICTION = 300.0
"""Seconds beyond the deadline until a request without an answer gets 503; its client has mostly given up before."""

LAST_PREDICTION = 5.0
"""Seconds beyond the deadline that a stop waits for what was accepted: it may wait for the one, and run for the other.
With the default deadline and the chart's drain that is 20 s of the pod's 30."""


def create_app(settings: Settings, fail: Callable[[str], None]) -> Sanic[Any, Any]:
    """The app; the model loads in the background, and `fail` is called with the reason if it cannot."""
    app = KubeserveSanic("kubeserve-server", request_class=WholeBodyRequest, configure_logging=False)
    app.config.update({**SANIC, "REQUEST_MAX_SIZE": settings.max_body_size})
    app.config.RESPONSE_TIMEOUT = settings.deadline + LONGEST_PREDICTION
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = settings.deadline + LAST_PREDICTION
    app.ctx.open = set()
    metrics = Metrics(settings.name, settings.version, lambda: predictor.queued_rows, feature_stats=settings.drift)
    app.ctx.metrics = metrics
    app.ctx.body_budget = BodyBudget(settings.body_memory, metrics)
    predictor = Predictor(settings.model, limits_of(settings), metrics, direct=settings.direct)
    app.ctx.fast_path = FastPath(predictor, metrics, settings.name)
    add_routes(app, Service(predictor, metrics, settings.name, settings.version))
    add_error_handling(app)
    drain_on_sigterm(app, settings.drain_seconds)

    async def load() -> None:
        try:
            model = await predictor.load()
            metrics.configure(model, predictor.load_seconds)
        except Exception as error:  # noqa: BLE001 - an odd model must end the process, not leave it loading for ever
            fail(reason_of(error))
            app.stop()
            return
        log.info("ready", model=settings.name, version=settings.version, **metrics.info)
        await keep_up(metrics, predictor)

    @app.after_server_start
    async def start(app: Sanic[Any, Any]) -> None:
        app.ctx.loading = asyncio.create_task(load())  # kept: the loop holds tasks only weakly

    @app.before_server_stop
    async def end_connections(app: Sanic[Any, Any]) -> None:
        close_after_answers(app)

    @app.after_server_stop  # not before: what was accepted still needs the thread
    async def stop(_: Sanic[Any, Any]) -> None:
        predictor.close()

    return app


def reason_of(error: Exception) -> str:
    """Why the model cannot be served, in one line."""
    if isinstance(error, ModelError):
        return str(error)
    return f"the model cannot be described: {type(error).__name__}: {first_line(error)}"


def limits_of(settings: Settings) -> Limits:
    return Limits(settings.batch_rows, settings.queue_rows, settings.deadline, settings.inline)


KEEP_UP = 0.1
"""Seconds: at 30,000 requests a second what has gathered by then is summed up in less than a millisecond."""


async def keep_up(metrics: Metrics, predictor: Predictor) -> None:
    """What requests leave behind is summed up often enough to stay small, and the newest costs decide."""
    while True:
        await asyncio.sleep(KEEP_UP)
        try:
            metrics.flush()
            predictor.update_direct_limit()
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: without it the metrics would stand still
            log.error("summing up failed", error=f"{type(error).__name__}: {error}")  # noqa: TRY400 - one line a fault
