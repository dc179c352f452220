"""HTTP in, HTTP out: handlers only translate. One function for each protocol; what they share is `Service`."""

from __future__ import annotations

import functools
import importlib.metadata
import zlib
from collections.abc import Callable
from http import HTTPStatus
from time import perf_counter
from typing import Any, TypeVar

import structlog
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sanic import Sanic
from sanic.exceptions import NotFound, PayloadTooLarge, SanicException, ServiceUnavailable
from sanic.request import Request
from sanic.response import HTTPResponse, json

from server.errors import InputError, ModelError, Overloaded
from server.http import large_body
from server.http.json_response import JsonResponse
from server.inference.predictor import Predictor
from server.model.loader import LoadedModel
from server.protocols import kserve_v1, kubeserve, metadata, mlflow, open_inference, openapi
from server.protocols.json_payload import encode, json_bytes, parse
from server.telemetry.metrics import Metrics

log = structlog.get_logger()

App = Sanic[Any, Any]

Buffer = bytes | memoryview
Made = TypeVar("Made")

LARGE = 256 * 1024
"""Bytes that take milliseconds to read as JSON or CSV."""

JSON = "application/json"


class Service:
    """The one model, under its name and version; what is not there is an HTTP error."""

    def __init__(self, predictor: Predictor, metrics: Metrics, name: str, version: str) -> None:
        self.predictor, self.name, self.version = predictor, name, version
        self._phases = metrics.phases

    @property
    def model(self) -> LoadedModel:
        if self.predictor.model is None:
            raise SanicException(self.predictor.reason, HTTPStatus.SERVICE_UNAVAILABLE)
        return self.predictor.model

    def called(self, name: str, version: str | None = None) -> LoadedModel:
        """The model, if that is its name and version."""
        self.require(name, version)
        return self.model

    async def parsed(self, read: Callable[..., Made], body: Buffer, *arguments: Any, text: int | None = None) -> Made:
        """What `read` makes of the body, of which `text` bytes are text if not all of them.

        Much text is read in the thread, since health and metrics would wait for it.
        """

        def timed() -> tuple[Made, float]:
            started = perf_counter()
            return read(body, *arguments), perf_counter() - started

        large = (len(body) if text is None else text) > LARGE
        made, seconds = await self.predictor.in_thread(timed) if large else timed()
        self._phases["parse"].observe(seconds)
        return made

    def encoded(self, write: Callable[..., Made], *arguments: Any) -> Made:
        started = perf_counter()
        made = write(*arguments)
        self._phases["encode"].observe(perf_counter() - started)
        return made

    def require(self, name: str, version: str | None = None) -> None:
        if name != self.name:
            raise NotFound(f"there is no model '{name}' here; this server has '{self.name}'")
        if version is not None and version != self.version:
            has = f"version '{self.version}'" if self.version else "no versions"
            raise NotFound(f"there is no version '{version}' of '{name}' here; it has {has}")

    def readiness(self, **answer: Any) -> HTTPResponse:
        """200, or 503 with the reason."""
        reason = self.predictor.reason
        ready: dict[str, Any] = {**answer, "ready": not reason}
        return json({**ready, "error": reason}, status=503) if reason else json(ready)


def add_routes(app: App, predictor: Predictor, metrics: Metrics, name: str, version: str) -> None:
    """Every protocol, and what operators look at."""
    service = Service(predictor, metrics, name, version)
    add_kubeserve(app, service)
    add_operations(app, service, metrics)
    add_kserve_v1(app, service)
    add_open_inference(app, service)
    add_open_inference_health(app, service)
    add_mlflow(app, service)
    add_documentation(app, service)


def add_kubeserve(app: App, service: Service) -> None:
    """`/predict` and `/predict_proba`."""
    predictor = service.predictor

    async def predictions(request: Request) -> HTTPResponse:
        X = await service.parsed(parse, body_of(request), service.model.schema)
        return JsonResponse(service.encoded(encode, await predictor.predict(X)))

    async def probabilities(request: Request) -> HTTPResponse:
        schema = service.model.schema
        method = schema.require("predict_proba")
        answer = await predictor.predict(await service.parsed(parse, body_of(request), schema), method)
        return JsonResponse(service.encoded(kubeserve.probabilities, answer, schema))

    @app.post("/predict")
    async def predict(request: Request) -> HTTPResponse:
        if request.query_string and request.args.get("proba", "").lower() in ("true", "1"):
            return await probabilities(request)
        return await predictions(request)

    @app.post("/predict_proba")
    async def predict_proba(request: Request) -> HTTPResponse:
        return await probabilities(request)


def add_operations(app: App, service: Service, metrics: Metrics) -> None:
    """`/health` and `/metrics`."""
    who = {"model": service.name, "version": service.version}

    @app.get("/health")
    async def health(_: Request) -> HTTPResponse:
        reason = service.predictor.reason
        if reason:
            return json({"status": "loading", "reason": reason, **who}, status=503)
        return json({"status": "ok", **who})

    @app.get("/metrics")
    async def show_metrics(_: Request) -> HTTPResponse:
        return HTTPResponse(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)


def add_kserve_v1(app: App, service: Service) -> None:
    """`/v1/models…`, and `/`, which its client asks for liveness."""

    @app.get("/")
    async def alive(_: Request) -> HTTPResponse:
        return json({"status": "alive", "docs": "/docs"})

    @app.get("/v1/models")
    async def v1_models(_: Request) -> HTTPResponse:
        return json({"models": [service.name]})

    @app.get("/v1/models/<model>", unquote=True)
    async def v1_model(_: Request, model: str) -> HTTPResponse:
        service.require(model)
        return service.readiness(name=service.name)

    @app.post("/v1/models/<segment>", unquote=True)
    async def v1_predict(request: Request, segment: str) -> HTTPResponse:
        model = kserve_v1.model_of(segment)
        if model is None:
            raise NotFound(f"'{segment}' is no verb of a model: POST /v1/models/{service.name}:predict")
        X = await service.parsed(kserve_v1.read, body_of(request), service.called(model).schema)
        return JsonResponse(service.encoded(encode, await service.predictor.predict(X)))


def add_open_inference(app: App, service: Service) -> None:
    """`/v2/models…`: a model with or without its version."""

    @app.post("/v2/models/<model>/versions/<version>/infer", name="infer_version", unquote=True, stream=True)
    @app.post("/v2/models/<model>/infer", name="infer", unquote=True, stream=True)
    async def infer(request: Request, model: str, version: str | None = None) -> HTTPResponse:
        header = open_inference.header_length(request.headers.get(open_inference.HEADER))
        body = unpacked(request, await large_body.body_of(request, header or 0))
        schema = service.called(model, version).schema
        asked = await service.parsed(open_inference.read, body, header, schema, text=header)
        answers = [await service.predictor.predict(asked.X, wanted.method) for wanted in asked.wanted]
        body, length = service.encoded(open_inference.write, asked, answers, service.name, service.version)
        if length is None:
            return HTTPResponse(body, content_type=JSON)
        headers = {open_inference.HEADER: str(length)}
        return HTTPResponse(body, headers=headers, content_type="application/octet-stream")

    @app.get("/v2/models/<model>/versions/<version>", name="describe_version", unquote=True)
    @app.get("/v2/models/<model>", name="describe", unquote=True)
    async def describe(_: Request, model: str, version: str | None = None) -> HTTPResponse:
        found = service.called(model, version)
        described = metadata.model_metadata(found.schema, service.name, service.version, found.library)
        return HTTPResponse(json_bytes(described), content_type=JSON)

    @app.get("/v2/models/<model>/versions/<version>/ready", name="ready_version", unquote=True)
    @app.get("/v2/models/<model>/ready", name="ready", unquote=True)
    async def model_ready(_: Request, model: str, version: str | None = None) -> HTTPResponse:
        service.require(model, version)
        return service.readiness(name=service.name)


def add_open_inference_health(app: App, service: Service) -> None:
    """`/v2` and `/v2/health/…`."""

    @app.get("/v2")
    async def v2(_: Request) -> HTTPResponse:
        return json(metadata.server_metadata(own_version()))

    @app.get("/v2/models")
    async def v2_models(_: Request) -> HTTPResponse:
        return json({"models": [service.name]})

    @app.get("/v2/health/live")
    async def live(_: Request) -> HTTPResponse:
        return json({"live": True})

    @app.get("/v2/health/ready")
    async def v2_ready(_: Request) -> HTTPResponse:
        return service.readiness()


def add_mlflow(app: App, service: Service) -> None:
    """`/invocations`, `/ping`, `/version`."""

    @app.post("/invocations")
    async def invocations(request: Request) -> HTTPResponse:
        kind = request.content_type.partition(";")[0].strip().lower()
        read = {JSON: mlflow.read, "text/csv": mlflow.read_csv}.get(kind)
        if read is None:
            raise SanicException(f"Content-Type must be {JSON} or text/csv", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        X = await service.parsed(read, body_of(request), service.model.schema)
        return JsonResponse(service.encoded(encode, await service.predictor.predict(X)))

    @app.get("/ping")
    async def ping(_: Request) -> HTTPResponse:
        return service.readiness()

    @app.get("/version")
    async def show_version(_: Request) -> HTTPResponse:
        return HTTPResponse(own_version(), content_type="text/plain; charset=utf-8")


def add_documentation(app: App, service: Service) -> None:
    """`/openapi.json`, and `/docs`, a page that needs nothing but that."""

    @functools.cache
    def described() -> bytes:
        model = service.model
        return json_bytes(openapi.document(model.schema, service.name, service.version, model.library))

    page = openapi.PAGE.read_bytes()

    @app.get("/openapi.json")
    async def openapi_json(_: Request) -> HTTPResponse:
        return HTTPResponse(described(), content_type=JSON)

    @app.get("/docs")
    async def docs(_: Request) -> HTTPResponse:
        return HTTPResponse(page, content_type="text/html; charset=utf-8")


def body_of(request: Request) -> bytes:
    """The body, unpacked if a client has compressed it."""
    return bytes(unpacked(request, request.body))


def unpacked(request: Request, body: Buffer) -> Buffer:
    """The body as it was before it was compressed.

    A little data may unpack to a lot: the limits hold for what comes out, that of all bodies together for both.
    Raises Overloaded.
    """
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "identity":
        return body
    if encoding not in ("gzip", "deflate"):
        raise SanicException("Content-Encoding can be gzip or deflate", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    limit = request.app.config.REQUEST_MAX_SIZE
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: gzip and zlib are told apart by their headers
    try:
        found = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise InputError("the body is not compressed as Content-Encoding says") from error
    if len(found) > limit:
        raise PayloadTooLarge("")
    if not unpacker.eof:
        raise InputError("the compressed body ends too soon")
    request.app.ctx.body_budget.admit(request, len(body) + len(found))
    return found


@functools.cache
def own_version() -> str:
    return importlib.metadata.version("kubeserve")


def add_error_handling(app: App) -> None:
    """Every error is `{"error": "…"}`; a fault of ours is logged, and never shown."""

    @app.exception(Exception)
    async def failed(request: Request, error: Exception) -> HTTPResponse:
        if isinstance(error, InputError):
            return failure(str(error), HTTPStatus.BAD_REQUEST)
        if isinstance(error, Overloaded):
            return failure(str(error), HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(error.retry_after)})
        if isinstance(error, ModelError):
            return failure(str(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(error, PayloadTooLarge):
            larger = f"the body is larger than {request.app.config.REQUEST_MAX_SIZE} bytes (--max-body-size)"
            return failure(larger, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if isinstance(error, SanicException):
            return failure(str(error), error.status_code, error.headers)
        log.error("fault", path=request.path, error=f"{type(error).__name__}: {error}")
        return failure("internal error; the server's log says more", HTTPStatus.INTERNAL_SERVER_ERROR)

    @app.exception(ServiceUnavailable)
    async def too_late(request: Request, _: ServiceUnavailable) -> HTTPResponse:
        # Sanic's "Response Timeout": nothing else raises this. Each piece of a body starts the time again.
        seconds = request.app.config.RESPONSE_TIMEOUT
        why = f"no answer within {seconds:g} s: the model takes too long"
        return failure(why, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"})


def failure(message: str, status: int, headers: dict[str, str] | None = None) -> HTTPResponse:
    return json({"error": message}, status=int(status), headers=headers)
