"""SIGTERM: answer on while requests still come, asking their senders to connect elsewhere, then stop.

A pod gets SIGTERM before every node knows that it is going, and clients hold connections to it for minutes. So each
answer from then on says `Connection: close`: the client's next connection goes through the Service, to another pod.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import structlog
from sanic import Sanic

log = structlog.get_logger()


def drain_on_sigterm(app: Sanic[Any, Any], seconds: float) -> None:
    """On SIGTERM have `app` drain for `seconds`, then stop; on a second one stop at once, as on Ctrl-C."""

    @app.after_server_start
    async def handle(app: Sanic[Any, Any]) -> None:
        # Instead of Sanic's own handler, which stops at once.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, drain, app, seconds)


def drain(app: Sanic[Any, Any], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    if not seconds:
        app.stop(terminate=False)
        return
    log.info("draining", seconds=seconds)
    close_after_answers(app)
    loop.add_signal_handler(signal.SIGTERM, stop, app)
    loop.call_later(seconds, stop, app)


def close_after_answers(app: Sanic[Any, Any]) -> None:
    """No connection outlives the answer that it waits for, nor the next one."""
    app.config.KEEP_ALIVE = False  # Sanic reads it at the start of each request
    for request in app.ctx.open:
        request.stream.keep_alive = False


def stop(app: Sanic[Any, Any]) -> None:
    app.stop(terminate=False)
