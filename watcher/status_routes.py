"""The routes that show the status: all of it, one model, what happened, and a stream of server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from sanic import Sanic
from sanic.exceptions import BadRequest, NotFound, ServiceUnavailable
from sanic.request import Request
from sanic.response import HTTPResponse, json

from watcher.core.types import ModelId
from watcher.errors import Rejected
from watcher.status_body import TIMELINE_STEPS, StatusBody

READ = ("GET", "HEAD")
"""Methods of each route that only reads: monitors and `wget --spider` ask by HEAD, and Sanic then omits the body."""

MOST_STREAMS = 100
"""Streams at the same time: each holds one of the web server's connections, of which probes and stores need some."""

LOOK_SECONDS = 1.0
"""Seconds between two looks at whether the status has changed, which is the shortest time between two events."""

SILENT_LOOKS = 15
"""Looks without a change, after which a comment shows proxies and browsers that the stream is alive."""


def add_status_routes(app: Sanic[Any, Any], body: StatusBody, refresh: Callable[[], None]) -> None:
    """Add the routes. `refresh` updates the shown state of the sources before each answer."""
    streams = set[int]()

    @app.route("/status", methods=READ)
    async def status(_: Request) -> HTTPResponse:
        refresh()
        return HTTPResponse(await asyncio.to_thread(body.whole), content_type="application/json")

    @app.route("/status/<namespace>/<name>", methods=READ)
    async def one_model(_: Request, namespace: str, name: str) -> HTTPResponse:
        try:
            return json(body.model(ModelId(unquote(namespace), unquote(name))))
        except Rejected as error:
            raise NotFound(str(error)) from error

    @app.route("/timeline", methods=READ)
    async def timeline(request: Request) -> HTTPResponse:
        given = request.args.get("limit", str(TIMELINE_STEPS))
        if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= TIMELINE_STEPS):
            raise BadRequest(f"limit: expected a whole number from 1 to {TIMELINE_STEPS}")
        return json(body.timeline(int(given)))

    @app.route("/traffic", methods=READ)
    async def traffic(_: Request) -> HTTPResponse:
        return json(body.traffic())

    @app.get("/stream")
    async def stream(request: Request) -> None:
        if len(streams) >= MOST_STREAMS:
            raise ServiceUnavailable(f"{MOST_STREAMS} streams are open, which is the limit: ask /status instead")
        streams.add(id(request))
        try:
            await send_changes(request, body, refresh)
        finally:
            streams.discard(id(request))


async def send_changes(request: Request, body: StatusBody, refresh: Callable[[], None]) -> None:
    """Send the status as an event now and after each change, until the client leaves."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # proxies must pass on each event
    response = await request.respond(content_type="text/event-stream; charset=utf-8", headers=headers)
    sent, silent = "", 0
    while True:
        refresh()
        text = await asyncio.to_thread(body.whole)
        silent = 0 if text != sent else silent + 1
        if text != sent:
            await response.send(f"event: status\ndata: {text}\n\n")
        elif silent % SILENT_LOOKS == 0:
            await response.send(": still here\n\n")
        sent = text
        await asyncio.sleep(LOOK_SECONDS)
