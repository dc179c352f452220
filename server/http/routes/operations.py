"""For operators: `/health` and `/metrics`."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sanic.request import Request
from sanic.response import HTTPResponse, json

from server.http.service import App, Service, read_route


def add_routes(app: App, service: Service) -> None:
    """Add the routes that probes and Prometheus ask."""
    model = {"model": service.name, "version": service.version}

    @read_route(app, "/health")
    async def health(_: Request) -> HTTPResponse:
        reason = service.predictor.reason
        if reason:
            return json({"status": "loading", "reason": reason, **model}, status=503)
        return json({"status": "ok", **model, "loaded": service.model.loaded})

    @read_route(app, "/metrics")
    async def metrics(_: Request) -> HTTPResponse:
        await service.metrics.count_long_answers()
        return HTTPResponse(generate_latest(service.metrics.registry), content_type=CONTENT_TYPE_LATEST)
