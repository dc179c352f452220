"""A Sanic that counts and times what it handles in one place; `server.http.fast_path` counts its own answers."""

from __future__ import annotations

import functools
import re
from time import perf_counter
from typing import Any

from sanic import Sanic
from sanic.request import Request

GONE = 499
"""Counted as the code of a request whose client left before there was an answer."""


class KubeserveSanic(Sanic[Any, Any]):
    """`app.ctx.metrics` hears of each of these; `app.ctx.open` holds those without an answer yet, `bodies` their sizes.

    One wrapper around the whole handling costs half a microsecond; Sanic's request and response middleware, with a
    context of each request's own to hold the time, cost three.
    """

    async def handle_request(self, request: Request) -> None:
        began, metrics = perf_counter(), self.ctx.metrics
        metrics.in_progress += 1
        self.ctx.open.add(request)
        try:
            await super().handle_request(request)
        finally:
            metrics.in_progress -= 1
            self.ctx.open.discard(request)
            self.ctx.body_budget.release(request)
            request.body = b""  # Sanic keeps the request until its connection's next one, and that may be minutes
            metrics.record_request(*_outcome(request), perf_counter() - began)


def _outcome(request: Request) -> tuple[str, int]:
    """The route, and the code: a scanner's inventions must not make series."""
    stream, route = request.stream, request.route
    return endpoint(route.path) if route is not None else "other", GONE if stream is None else _status(stream)


@functools.cache
def endpoint(path: str) -> str:
    """What metrics call a route, as its users write it: Sanic has `v2/models/<model:str>/infer`."""
    # Sanic cannot tell the verb from the model in one segment of a path.
    return "/" + re.sub(r"<(\w+):\w+>", r"{\1}", path.replace("<segment:str>", "{model}:predict"))


def _status(stream: Any) -> int:
    if stream.response is not None:
        return int(stream.response.status)
    # Sanic's timeout is such an exception, which it answers after this.
    return int(getattr(stream.exception, "status_code", GONE))
