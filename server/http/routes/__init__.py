"""Routes: one module for each protocol, of the same name as in `server.protocols`, and others for readers.

A route only translates between HTTP and `Service`.
"""

from __future__ import annotations

from server.http.routes import (
    documentation,
    explanations,
    kserve_v1,
    kubeserve,
    mlflow,
    open_inference,
    operations,
    pages,
)
from server.http.service import App, Service

MODULES = (kubeserve, kserve_v1, open_inference, mlflow, operations, documentation, explanations, pages)


def add_routes(app: App, service: Service) -> None:
    """Add the routes of every protocol, of operations and of the documentation."""
    for module in MODULES:
        module.add_routes(app, service)
