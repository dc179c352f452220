"""For people: a page at `/` to try the model, one at `/docs` of its API, and what both load.

`/` answers a browser with the page and everything else with JSON, as KServe's client expects it for liveness.
"""

from __future__ import annotations

import functools
from pathlib import Path

from sanic.exceptions import NotFound
from sanic.request import Request
from sanic.response import HTTPResponse, json

from server.http.json_response import JSON
from server.http.service import App, Service, read_route
from server.protocols.json_answer import encode_json

FOLDER = Path(__file__).parents[1] / "pages"

TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}

FILES = ("csv.js", "docs.js", "dom.js", "icon.svg", "page.css", "snippets.js", "tryit.js")
"""What the pages load. No other name becomes a path."""

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Vary": "Accept",
}
"""Nothing of another host is loaded, and no script or style that is not a file of ours."""


def add_routes(app: App, service: Service) -> None:
    """Add the pages, and the description of the form."""

    @read_route(app, "/")
    async def root(request: Request) -> HTTPResponse:
        if "text/html" in request.headers.get("accept", ""):
            return page("tryit.html")
        state = {"status": "alive", "model": service.name, "version": service.version}
        return json({**state, "ready": not service.predictor.reason, "docs": "/docs"}, headers={"Vary": "Accept"})

    @read_route(app, "/docs")
    async def docs(_: Request) -> HTTPResponse:
        return page("docs.html")

    @read_route(app, "/pages/<name>")
    async def file(_: Request, name: str) -> HTTPResponse:
        if name not in FILES:
            raise NotFound(f"there is no file '{name}' here")
        return page(name)

    @read_route(app, "/page.json")
    async def form(request: Request) -> HTTPResponse:
        model = service.model
        study, schema = await service.second_look.look(model)
        from server.protocols.form import form_of  # noqa: PLC0415 - most servers are never looked at

        described = form_of(schema, study, service.metrics.feature_ranges(), model.library, model.loaded)
        limits = {"max_body_size": request.app.config.REQUEST_MAX_SIZE, "max_values": service.max_values}
        about = {"model": service.name, "version": service.version, "limits": limits}
        return HTTPResponse(encode_json({**about, **described}), content_type=JSON)


def page(name: str) -> HTTPResponse:
    """Return a file of the folder. It is read when it is first asked for."""
    return HTTPResponse(content(name), headers=HEADERS, content_type=f"{TYPES[Path(name).suffix]}; charset=utf-8")


@functools.cache
def content(name: str) -> bytes:
    """Return the bytes of a file of the folder."""
    return (FOLDER / name).read_bytes()
