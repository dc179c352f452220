"""KubeServe's own protocol: `/predict`, `/predict_proba` and `/transform`."""

from __future__ import annotations

from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

from server.http.body import body_of
from server.http.json_response import JsonResponse
from server.http.service import App, Service
from server.protocols import kubeserve


def add_routes(app: App, service: Service) -> None:
    """Add the protocol's routes."""

    async def result(request: Request, method: str) -> Any:
        """Return what the model's method gives for the rows of the body."""
        schema = service.model.schema
        schema.require(method)
        X = await service.parse(kubeserve.read_data, await body_of(request, service), schema)
        return await service.predictor.predict(X, method)

    async def predictions(request: Request) -> HTTPResponse:
        return JsonResponse(await service.encode(kubeserve.encode_predictions, await result(request, "predict")))

    async def probabilities(request: Request) -> HTTPResponse:
        answer = await result(request, "predict_proba")
        return JsonResponse(await service.encode(kubeserve.encode_probabilities, answer, service.model.schema))

    @app.post("/predict")
    async def predict(request: Request) -> HTTPResponse:
        if request.query_string and request.args.get("proba", "").lower() in ("true", "1"):
            return await probabilities(request)
        return await predictions(request)

    @app.post("/predict_proba")
    async def predict_proba(request: Request) -> HTTPResponse:
        return await probabilities(request)

    @app.post("/transform")
    async def transform(request: Request) -> HTTPResponse:
        return JsonResponse(await service.encode(kubeserve.encode_transformed, await result(request, "transform")))
