"""SIGTERM: answer requests for some seconds more, asking the clients to connect elsewhere, then stop.

A pod gets SIGTERM before every node has stopped sending it connections, and clients keep connections for minutes. So
each answer from then on has the header `Connection: close`: the client's next connection goes through the Service, to
another pod. The stop itself waits for predictions, and for bodies that arrive at the least rate: what drips is cut off
(STOPPING_SECONDS in strict_http/sanic_connection.py).

A pod's grace period is `drain_seconds` + deadline + LAST_PREDICTION, and at least 30: watcher/core/render.py and the
model's chart compute it.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import structlog
from sanic import Sanic

from server.http.sanic_internals import close_after_answer

log = structlog.get_logger()

LAST_PREDICTION = 5.0
"""Seconds that a pod may take beyond drain and deadline: a request may wait for the deadline and be predicted then."""

EXIT = 1.0
"""Seconds, part of LAST_PREDICTION, for the exit itself: SIGKILL comes when all of it has passed."""


def drain_on_sigterm(app: Sanic[Any, Any], seconds: float, deadline: float) -> None:
    """Drain `app` for `seconds` on SIGTERM, then stop it. A second SIGTERM stops it immediately, like Ctrl-C."""
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = deadline + LAST_PREDICTION - EXIT

    @app.after_server_start
    async def replace_handler(app: Sanic[Any, Any]) -> None:
        # Sanic's own handler stops immediately.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, drain, app, seconds)

    @app.before_server_stop
    async def close_connections(app: Sanic[Any, Any]) -> None:
        close_after_answers(app)


def drain(app: Sanic[Any, Any], seconds: float) -> None:
    """Close each connection after its next answer, and stop after `seconds`."""
    loop = asyncio.get_running_loop()
    if not seconds:
        app.stop(terminate=False)
        return
    log.info("draining", seconds=seconds)
    close_after_answers(app)
    loop.add_signal_handler(signal.SIGTERM, stop, app)
    loop.call_later(seconds, stop, app)


def close_after_answers(app: Sanic[Any, Any]) -> None:
    """Close each connection after the answer that it waits for, or after its next one."""
    app.config.KEEP_ALIVE = False  # Sanic reads it at the start of each request
    for request in app.ctx.open:
        close_after_answer(request)


def stop(app: Sanic[Any, Any]) -> None:
    """Stop the server; Sanic waits for open requests."""
    app.stop(terminate=False)
