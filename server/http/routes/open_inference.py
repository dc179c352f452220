"""The Open Inference Protocol (V2): `/v2…`. A model is addressed with or without its version."""

from __future__ import annotations

from sanic.request import Request
from sanic.response import HTTPResponse, json

from server.http import large_body
from server.http.body import unpacked
from server.http.json_response import JSON
from server.http.service import App, Service, read_route, server_version
from server.protocols import metadata, open_inference
from server.protocols.json_answer import encode_json


def add_routes(app: App, service: Service) -> None:
    """Add the protocol's routes."""
    _add_inference(app, service)
    _add_metadata(app, service)
    _add_health(app, service)


def _add_inference(app: App, service: Service) -> None:
    @app.post("/v2/models/<model>/versions/<version>/infer", name="infer_version", unquote=True, stream=True)
    @app.post("/v2/models/<model>/infer", name="infer", unquote=True, stream=True)
    async def infer(request: Request, model: str, version: str | None = None) -> HTTPResponse:
        header = open_inference.header_length(request.headers.get(open_inference.HEADER))
        body = await unpacked(request, await large_body.receive(request, binary_from=header or 0), service)
        schema = service.model_named(model, version).schema
        asked = await service.parse(open_inference.read_inference, body, header, schema)
        answers = [await service.predictor.predict(asked.X, wanted.method) for wanted in asked.wanted]
        answer, length = await service.encode(
            open_inference.write_inference, asked, answers, service.name, service.version
        )
        if length is None:
            return HTTPResponse(answer, content_type=JSON)
        headers = {open_inference.HEADER: str(length)}
        return HTTPResponse(answer, headers=headers, content_type="application/octet-stream")


def _add_metadata(app: App, service: Service) -> None:
    @read_route(app, "/v2")
    async def v2(_: Request) -> HTTPResponse:
        return json(metadata.server_metadata(server_version()))

    @read_route(app, "/v2/models")
    async def v2_models(_: Request) -> HTTPResponse:
        return json({"models": [service.name]})

    @read_route(app, "/v2/models/<model>/versions/<version>", name="metadata_version", unquote=True)
    @read_route(app, "/v2/models/<model>", name="metadata", unquote=True)
    async def model_metadata(_: Request, model: str, version: str | None = None) -> HTTPResponse:
        found = service.model_named(model, version)
        described = metadata.model_metadata(found.schema, service.name, service.version, found.library, found.loaded)
        return HTTPResponse(encode_json(described), content_type=JSON)


def _add_health(app: App, service: Service) -> None:
    @read_route(app, "/v2/health/live")
    async def v2_live(_: Request) -> HTTPResponse:
        return json({"live": True})

    @read_route(app, "/v2/health/ready")
    async def v2_ready(_: Request) -> HTTPResponse:
        return service.readiness()

    @read_route(app, "/v2/models/<model>/versions/<version>/ready", name="ready_version", unquote=True)
    @read_route(app, "/v2/models/<model>/ready", name="ready", unquote=True)
    async def model_ready(_: Request, model: str, version: str | None = None) -> HTTPResponse:
        service.check_name(model, version)
        return service.readiness(name=service.name)
