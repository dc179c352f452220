"""KubeServe's own protocol: `/predict` and `/predict_proba`."""

from __future__ import annotations

from sanic.request import Request
from sanic.response import HTTPResponse

from server.http.body import body_of
from server.http.json_response import JsonResponse
from server.http.service import App, Service
from server.protocols import kubeserve


def add_routes(app: App, service: Service) -> None:
    """Add the protocol's routes."""

    async def predictions(request: Request) -> HTTPResponse:
        X = await service.parse(kubeserve.read_data, await body_of(request, service), service.model.schema)
        return JsonResponse(service.encode(kubeserve.encode_predictions, await service.predictor.predict(X)))

    async def probabilities(request: Request) -> HTTPResponse:
        schema = service.model.schema
        method = schema.require("predict_proba")
        X = await service.parse(kubeserve.read_data, await body_of(request, service), schema)
        answer = await service.predictor.predict(X, method)
        return JsonResponse(service.encode(kubeserve.encode_probabilities, answer, schema))

    @app.post("/predict")
    async def predict(request: Request) -> HTTPResponse:
        if request.query_string and request.args.get("proba", "").lower() in ("true", "1"):
            return await probabilities(request)
        return await predictions(request)

    @app.post("/predict_proba")
    async def predict_proba(request: Request) -> HTTPResponse:
        return await probabilities(request)
