"""What all routes share: the one model, its name and version, and where a body is parsed."""

from __future__ import annotations

import functools
import gc
import math
from collections.abc import Callable
from http import HTTPStatus
from time import perf_counter
from typing import Any, TypeVar

from sanic import Sanic
from sanic.exceptions import NotFound, SanicException
from sanic.response import HTTPResponse, json

from server.http.second_look import SecondLook
from server.inference.predictor import Predictor
from server.inputs.value_count import MAX_VALUES
from server.model.loader import LoadedModel
from server.telemetry.metrics import Metrics

App = Sanic[Any, Any]
Made = TypeVar("Made")
Handler = TypeVar("Handler", bound=Callable[..., Any])

MAX_INLINE_BODY = 64 * 1024
"""Bytes. A longer body is parsed in the thread: the event loop answers health checks and other requests meanwhile. The
way there and back takes 0.1 ms, which is a tenth of what 64 KB take to parse."""

MAX_INLINE_ANSWER = 16 * 1024
"""Values. A longer answer is encoded in the thread. These take about 1 ms."""


class Service:
    """The one model, under its name and version. What is missing raises an HTTP error."""

    def __init__(
        self, predictor: Predictor, metrics: Metrics, name: str, version: str, max_values: int = MAX_VALUES
    ) -> None:
        self.predictor, self.metrics, self.name, self.version = predictor, metrics, name, version
        self.max_values = max_values
        self.second_look = SecondLook(predictor)

    @property
    def model(self) -> LoadedModel:
        """The model; raises 503 with the reason until it is loaded."""
        if self.predictor.model is None:
            raise SanicException(self.predictor.reason, HTTPStatus.SERVICE_UNAVAILABLE)
        return self.predictor.model

    def model_named(self, name: str, version: str | None = None) -> LoadedModel:
        """Return the model if it has this name and version; raise 404 otherwise."""
        self.check_name(name, version)
        return self.model

    def check_name(self, name: str, version: str | None = None) -> None:
        """Raise 404 unless the model has this name and version."""
        if name != self.name:
            raise NotFound(f"there is no model '{name}' here; this server has '{self.name}'")
        if version is not None and version != self.version:
            has = f"version '{self.version}'" if self.version else "no versions"
            raise NotFound(f"there is no version '{version}' of '{name}' here; it has {has}")

    async def parse(self, parser: Callable[..., Made], body: Any, *arguments: Any) -> Made:
        """Return `parser(body, *arguments, max_values=…)`. A long body is parsed in the thread."""
        is_long = len(body) > MAX_INLINE_BODY
        return await self._timed("parse", is_long, parser, body, *arguments, max_values=self.max_values)

    async def encode(self, encoder: Callable[..., Made], *arguments: Any) -> Made:
        """Return `encoder(*arguments)`. A long answer among the arguments is encoded in the thread."""
        return await self._timed("encode", number_of_values(arguments) > MAX_INLINE_ANSWER, encoder, *arguments)

    async def _timed(
        self, phase: str, is_long: bool, work: Callable[..., Made], *arguments: Any, **options: Any
    ) -> Made:
        """Return what `work` does, in the thread if that takes long, and record its seconds without the wait for it."""

        def timed() -> tuple[Made, float]:
            started = perf_counter()
            return work(*arguments, **options), perf_counter() - started

        made, seconds = await self.predictor.run_in_thread(_uncollected, timed) if is_long else timed()
        self.metrics.phases[phase].observe(seconds)
        return made

    def readiness(self, **fields: Any) -> HTTPResponse:
        """Return 200, or 503 with the reason; `fields` are added to the answer."""
        reason = self.predictor.reason
        ready: dict[str, Any] = {**fields, "ready": not reason}
        return json({**ready, "error": reason}, status=503) if reason else json(ready)


def _uncollected(work: Callable[[], Made]) -> Made:
    """Return `work()`, called with garbage collection off.

    Parsed JSON has no cycles, so there is nothing to collect. But each collection visits all of it and stops all
    threads meanwhile: a million empty lists took 4.9 s, and take 0.2.
    """
    gc.disable()
    try:
        return work()
    finally:
        gc.enable()


def number_of_values(answer: Any) -> int:
    """Return the number of values in a model's answer, or in several. Anything else counts as one value."""
    shape = getattr(answer, "shape", None)  # also a sparse matrix's: it is sent with its zeros
    if shape is not None:
        return math.prod(shape)
    if not isinstance(answer, list | tuple):
        return 1
    return len(answer) if len(answer) > MAX_INLINE_ANSWER else sum(map(number_of_values, answer))


def read_route(app: App, path: str, **options: Any) -> Callable[[Handler], Handler]:
    """Return a decorator that adds a route for GET, and for HEAD, which uptime monitors use: Sanic omits the body."""

    def add(handler: Handler) -> Handler:
        app.add_route(handler, path, methods=("GET", "HEAD"), **options)
        return handler

    return add


@functools.cache
def server_version() -> str:
    """Return the version of KubeServe."""
    import importlib.metadata  # noqa: PLC0415 - few clients ask

    return importlib.metadata.version("kubeserve")
