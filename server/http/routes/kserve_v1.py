"""KServe's V1 protocol: `/v1/models…`. Its client asks `/` for liveness, which `pages` answers."""

from __future__ import annotations

from sanic.exceptions import NotFound
from sanic.request import Request
from sanic.response import HTTPResponse, json

from server.http.body import body_of
from server.http.json_response import JsonResponse
from server.http.service import App, Service, read_route
from server.protocols import kserve_v1


def add_routes(app: App, service: Service) -> None:
    """Add the protocol's routes."""

    @read_route(app, "/v1/models")
    async def v1_models(_: Request) -> HTTPResponse:
        return json({"models": [service.name]})

    @read_route(app, "/v1/models/<model>", unquote=True)
    async def v1_ready(_: Request, model: str) -> HTTPResponse:
        service.check_name(model)
        return service.readiness(name=service.name)

    @app.post("/v1/models/<segment>", unquote=True)
    async def v1_predict(request: Request, segment: str) -> HTTPResponse:
        model = kserve_v1.model_of(segment)
        if model is None:
            raise NotFound(f"'{segment}' does not end in ':predict': POST /v1/models/{service.name}:predict")
        schema = service.model_named(model).schema
        schema.require("predict")
        X = await service.parse(kserve_v1.read_instances, await body_of(request, service), schema)
        return JsonResponse(await service.encode(kserve_v1.encode_predictions, await service.predictor.predict(X)))
