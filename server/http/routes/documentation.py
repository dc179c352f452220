"""The API's description: `/openapi.json`, and `/docs`, a page that needs nothing else."""

from __future__ import annotations

import functools

from sanic.request import Request
from sanic.response import HTTPResponse

from server.http.json_response import JSON
from server.http.service import App, Service, read_route
from server.protocols import openapi
from server.protocols.json_answer import encode_json


def add_routes(app: App, service: Service) -> None:
    """Add the routes of the description."""

    @functools.cache
    def document() -> bytes:
        model = service.model
        return encode_json(openapi.document(model.schema, service.name, service.version, model.library))

    page = openapi.PAGE.read_bytes()

    @read_route(app, "/openapi.json")
    async def openapi_json(_: Request) -> HTTPResponse:
        return HTTPResponse(document(), content_type=JSON)

    @read_route(app, "/docs")
    async def docs(_: Request) -> HTTPResponse:
        return HTTPResponse(page, content_type="text/html; charset=utf-8")
