"""A Sanic that counts and times every request in one place, failed ones too, and answers the usual ones at once."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from sanic import Sanic
from sanic.request import Request

from server.hot import Hot

HOT = b"/predict"
"""The URL of the hot path: with a query it is another question."""

GONE = 499
"""Counted as the code of a request whose client left before there was an answer."""


class CountedSanic(Sanic[Any, Any]):
    """`app.ctx.metrics` hears of each request; `app.ctx.hot` may answer before the router is asked.

    `app.ctx.open` holds those that have no answer yet.

    One wrapper around the whole handling costs half a microsecond; Sanic's request and response middleware, with a
    context of each request's own to hold the time, cost three.
    """

    async def handle_request(self, request: Request) -> None:
        began, metrics, counted = perf_counter(), self.ctx.metrics, False
        metrics.in_progress += 1
        self.ctx.open.add(request)
        try:
            counted = request.raw_url == HOT and request.method == "POST" and await self._answered(request, began)
            if not counted:
                await super().handle_request(request)
        finally:
            metrics.in_progress -= 1
            self.ctx.open.discard(request)
            if not counted:
                metrics.request(*_outcome(request), perf_counter() - began)

    async def _answered(self, request: Request, began: float) -> bool:
        """Whether the hot path had the answer. Routing and what Sanic wraps around a handler cost a fifth of it all."""
        hot: Hot = self.ctx.hot
        stream: Any = request.stream
        if not 0 < stream.request_bytes_left <= stream.request_max_size:  # no body, of unknown length, or too large
            return False
        await request.receive_body()  # type: ignore[no-untyped-call]
        answer = hot.answer(request.body, began)
        if answer is None:
            return False
        stream.respond(answer)
        await stream.send(answer.body, end_stream=True)
        return True


def _outcome(request: Request) -> tuple[str, int]:
    """The route's own path, and the code: a scanner's inventions must not make series."""
    stream, route = request.stream, request.route
    return f"/{route.path}" if route is not None else "other", GONE if stream is None else _status(stream)


def _status(stream: Any) -> int:
    if stream.response is not None:
        return int(stream.response.status)
    # Sanic's timeout is such an exception, which it answers after this.
    return int(getattr(stream.exception, "status_code", GONE))
