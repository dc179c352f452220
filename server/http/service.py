"""What all routes share: the one model, its name and version, and where a body is parsed."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable
from http import HTTPStatus
from time import perf_counter
from typing import Any, TypeVar

from sanic import Sanic
from sanic.exceptions import NotFound, SanicException
from sanic.response import HTTPResponse, json

from server.inference.predictor import Predictor
from server.model.loader import LoadedModel
from server.telemetry.metrics import Metrics

App = Sanic[Any, Any]
Made = TypeVar("Made")

MAX_INLINE_TEXT = 256 * 1024
"""Bytes. Longer JSON or CSV takes milliseconds to parse, and is parsed in the thread."""


class Service:
    """The one model, under its name and version. What is missing raises an HTTP error."""

    def __init__(self, predictor: Predictor, metrics: Metrics, name: str, version: str) -> None:
        self.predictor, self.metrics, self.name, self.version = predictor, metrics, name, version

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

    async def parse(self, parser: Callable[..., Made], body: Any, *arguments: Any, text: int | None = None) -> Made:
        """Return `parser(body, *arguments)`. Only the first `text` bytes of the body are text; None: all of them.

        A long text is parsed in the thread, so that health and metrics are answered meanwhile.
        """

        def timed() -> tuple[Made, float]:
            started = perf_counter()
            return parser(body, *arguments), perf_counter() - started

        is_long = (len(body) if text is None else text) > MAX_INLINE_TEXT
        made, seconds = await self.predictor.run_in_thread(timed) if is_long else timed()
        self.metrics.phases["parse"].observe(seconds)
        return made

    def encode(self, encoder: Callable[..., Made], *arguments: Any) -> Made:
        """Return `encoder(*arguments)`, and record how long it took."""
        started = perf_counter()
        made = encoder(*arguments)
        self.metrics.phases["encode"].observe(perf_counter() - started)
        return made

    def readiness(self, **fields: Any) -> HTTPResponse:
        """Return 200, or 503 with the reason; `fields` are added to the answer."""
        reason = self.predictor.reason
        ready: dict[str, Any] = {**fields, "ready": not reason}
        return json({**ready, "error": reason}, status=503) if reason else json(ready)


@functools.cache
def server_version() -> str:
    """Return the version of KubeServe."""
    return importlib.metadata.version("kubeserve")
