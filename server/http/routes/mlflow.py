"""MLflow's protocol: `/invocations`, `/ping` and `/version`."""

from __future__ import annotations

from http import HTTPStatus

from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from server.http.body import body_of
from server.http.json_response import JSON, JsonResponse
from server.http.service import App, Service, read_route, server_version
from server.protocols import mlflow
from server.protocols.json_answer import encode_predictions

MEDIA_TYPES = f"{JSON} or text/csv"


def add_routes(app: App, service: Service) -> None:
    """Add the protocol's routes."""

    @app.post("/invocations")
    async def invocations(request: Request) -> HTTPResponse:
        reader = mlflow.reader_of(request.content_type)
        if reader is None:
            raise SanicException(f"Content-Type must be {MEDIA_TYPES}", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        schema = service.model.schema
        schema.require("predict")
        X = await service.parse(reader, await body_of(request, service), schema)
        return JsonResponse(await service.encode(encode_predictions, await service.predictor.predict(X)))

    @read_route(app, "/ping")
    async def ping(_: Request) -> HTTPResponse:
        return service.readiness()

    @read_route(app, "/version")
    async def version(_: Request) -> HTTPResponse:
        return HTTPResponse(server_version(), content_type="text/plain; charset=utf-8")
