"""The Sanic application. It counts and times every request in one place; `server.http.fast_path` counts its own."""

from __future__ import annotations

import functools
import re
from time import perf_counter
from typing import Any

from sanic import Sanic
from sanic.request import Request

from server.http import sanic_internals

CLIENT_GONE = 499
"""Counted as the code of a request whose client left before there was an answer."""


class KubeserveSanic(Sanic[Any, Any]):
    """Record every request in `metrics`, and track unanswered ones in `open` (for the drain).

    One wrapper around the whole handling costs half a microsecond; Sanic's request and response middleware, with a
    context for each request to hold the time, cost three.
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
            if request.stream is not None:
                sanic_internals.connection_of(request).count_buffered()
            request.body = b""  # Sanic refers to the request until its connection's next one, maybe for minutes
            metrics.record_request(*_outcome(request), perf_counter() - began)


def _outcome(request: Request) -> tuple[str, int]:
    """Return the endpoint and the code. Unknown paths share one endpoint: a scanner must not create metric series."""
    code = sanic_internals.status_of(request) or CLIENT_GONE
    return "other" if request.route is None else endpoint(request.route.path), code


@functools.cache
def endpoint(path: str) -> str:
    """Return a route's path as users write it: Sanic's is `v2/models/<model:str>/infer`."""
    # The model and the verb are one segment of a V1 path, and Sanic cannot match parts of a segment.
    return "/" + re.sub(r"<(\w+):\w+>", r"{\1}", path.replace("<segment:str>", "{model}:predict"))
