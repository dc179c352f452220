"""Composition root: the parts of the server, its time limits, and the task that loads the model and flushes metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from sanic import Sanic

from server.errors import ModelError, first_line
from server.http.answer_budget import AnswerBudget
from server.http.body import WholeBodyRequest
from server.http.body_budget import BodyBudget
from server.http.errors import add_error_handling
from server.http.fast_path import FastPath
from server.http.routes import add_routes
from server.http.sanic_app import KubeserveSanic
from server.http.service import Service
from server.http.shutdown import drain_on_sigterm
from server.inference.batcher import Limits
from server.inference.predictor import Predictor
from server.model.allow_list import allow_list
from server.model.load_policy import LoadPolicy
from server.settings import Settings
from server.telemetry.metrics import Metrics
from strict_http.limits import Limits as ConnectionLimits
from strict_http.sanic_connection import apply_limits, silence_notice

log = structlog.get_logger()

SANIC = {
    "ACCESS_LOG": False,
    "FALLBACK_ERROR_FORMAT": "json",
    "KEEP_ALIVE_TIMEOUT": 75,
}

LONGEST_PREDICTION = 300.0
"""Seconds beyond the deadline until a request without an answer gets 503. Most clients have given up before."""


def create_app(settings: Settings, fail: Callable[[str], None]) -> Sanic[Any, Any]:
    """Return the app. The model loads in the background; if it cannot, `fail` is called with the reason."""
    silence_notice()
    app = KubeserveSanic("kubeserve-server", request_class=WholeBodyRequest, configure_logging=False)
    app.config.update({**SANIC, "REQUEST_MAX_SIZE": settings.max_body_size})
    app.config.RESPONSE_TIMEOUT = settings.deadline + LONGEST_PREDICTION
    app.ctx.open = set()
    metrics = Metrics(settings.name, settings.version, lambda: predictor.queued_rows, feature_stats=settings.drift)
    app.ctx.metrics = metrics
    app.ctx.body_budget = BodyBudget(settings.body_memory, metrics)
    app.ctx.answer_budget = AnswerBudget(settings.answer_memory, metrics)
    apply_limits(app, connection_limits(settings))
    predictor = Predictor(
        settings.model,
        limits_of(settings),
        metrics,
        direct=settings.direct,
        extra_columns=settings.extra_columns,
        policy=LoadPolicy(settings.load),
        allowed=allow_list(settings.code_allow),
    )
    app.ctx.fast_path = FastPath(predictor, metrics, settings.name)
    add_routes(app, Service(predictor, metrics, settings.name, settings.version, settings.max_values))
    add_error_handling(app)
    drain_on_sigterm(app, settings.drain_seconds, settings.deadline)

    async def load() -> None:
        try:
            model = await predictor.load()
            metrics.configure(model, predictor.load_seconds)
        except Exception as error:  # noqa: BLE001 - whatever a model raises must end the process, or it loads forever
            fail(reason_of(error))
            app.stop()
            return
        log.info("ready", model=settings.name, version=settings.version, **metrics.info)
        await keep_up(metrics, predictor)

    @app.after_server_start
    async def start(app: Sanic[Any, Any]) -> None:
        app.ctx.loading = asyncio.create_task(load())  # the loop itself refers to tasks only weakly

    @app.after_server_stop  # not before: accepted requests still need the thread
    async def stop(_: Sanic[Any, Any]) -> None:
        predictor.close()

    return app


def reason_of(error: Exception) -> str:
    """Return in one line why the model cannot be served."""
    if isinstance(error, ModelError):
        return str(error)
    return f"the model cannot be described: {type(error).__name__}: {first_line(error)}"


def connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        head_seconds=settings.head_timeout,
        body_seconds=settings.body_timeout,
        answer_seconds=settings.answer_timeout,
        least_rate=settings.min_rate,
        connections=settings.max_connections,
    )


def limits_of(settings: Settings) -> Limits:
    return Limits(settings.batch_rows, settings.queue_rows, settings.deadline, settings.inline)


FLUSH_INTERVAL = 0.1
"""Seconds. At 30,000 requests a second, flushing what was recorded by then takes less than a millisecond."""


async def keep_up(metrics: Metrics, predictor: Predictor) -> None:
    """Flush the metrics and apply the latest cost estimates, often enough that each time is short."""
    while True:
        await asyncio.sleep(FLUSH_INTERVAL)
        try:
            metrics.flush()
            await metrics.count_long_answers()
            predictor.update_direct_limit()
        except Exception as error:  # noqa: BLE001 - nothing awaits this task: if it ended, the metrics would no longer change
            log.error("flushing metrics failed", error=f"{type(error).__name__}: {error}")  # noqa: TRY400 - one line an error
