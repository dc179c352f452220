"""`/explain`: what moved the answer, for models whose score is a sum."""

from __future__ import annotations

import asyncio

from sanic.request import Request
from sanic.response import HTTPResponse

from server.errors import InputError
from server.http.body import body_of
from server.http.json_response import JsonResponse
from server.http.service import App, Service
from server.protocols.json_answer import json_ready


def add_routes(app: App, service: Service) -> None:
    """Add the route."""

    @app.post("/explain")
    async def explain(request: Request) -> HTTPResponse:
        model = service.model
        model.schema.require("predict")
        async with service.second_look:
            study, _ = await service.second_look.look(model)
            if study.explainer is None:
                raise InputError(f"this model's answers cannot be explained: {study.unexplained}")
            from server.protocols import explanations  # noqa: PLC0415 - most servers are never asked

            X, table = await service.parse(explanations.read_data, await body_of(request, service), model.schema)
            labels = json_ready(await service.predictor.answer(X))
            found = await asyncio.to_thread(explanations.explanations, study.explainer, table, list(labels))
            return JsonResponse(explanations.encode_explanations(study.explainer, labels, found))
