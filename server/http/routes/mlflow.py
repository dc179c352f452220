"""MLflow's protocol: `/invocations`, `/ping` and `/version`."""

from __future__ import annotations

from http import HTTPStatus

from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from server.http.body import body_of
from server.http.json_response import JSON, JsonResponse
from server.http.service import App, Service, server_version
from server.protocols import mlflow
from server.protocols.json_answer import encode_predictions

PARSERS = {JSON: mlflow.read_json, "text/csv": mlflow.read_csv}
"""By media type."""


def add_routes(app: App, service: Service) -> None:
    """Add the protocol's routes."""

    @app.post("/invocations")
    async def invocations(request: Request) -> HTTPResponse:
        parser = PARSERS.get(request.content_type.partition(";")[0].strip().lower())
        if parser is None:
            raise SanicException(f"Content-Type must be {' or '.join(PARSERS)}", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        schema = service.model.schema
        schema.require("predict")
        X = await service.parse(parser, await body_of(request, service), schema)
        return JsonResponse(await service.encode(encode_predictions, await service.predictor.predict(X)))

    @app.get("/ping")
    async def ping(_: Request) -> HTTPResponse:
        return service.readiness()

    @app.get("/version")
    async def version(_: Request) -> HTTPResponse:
        return HTTPResponse(server_version(), content_type="text/plain; charset=utf-8")
