"""The API's description: `/openapi.json`."""

from __future__ import annotations

from sanic.request import Request
from sanic.response import HTTPResponse

from server.http.json_response import JSON
from server.http.service import App, Service, read_route
from server.protocols import openapi
from server.protocols.json_answer import encode_json


def add_routes(app: App, service: Service) -> None:
    """Add the route of the description."""
    made: list[bytes] = []

    @read_route(app, "/openapi.json")
    async def openapi_json(_: Request) -> HTTPResponse:
        model = service.model
        study, schema = await service.second_look.look(model)
        if not made:
            from server.protocols.explanations import example_of  # noqa: PLC0415 - most servers are never asked

            explained = example_of(study.explainer, schema) if study.explainer else None
            document = openapi.document(schema, service.name, service.version, model.library, explained)
            made.append(encode_json(document))
        return HTTPResponse(made[0], content_type=JSON)
