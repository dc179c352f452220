"""The status page at `/`, its files below `/pages/`, and what `/` answers to programs."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

from sanic import Sanic
from sanic.exceptions import NotFound
from sanic.request import Request
from sanic.response import HTTPResponse, json, text

from watcher.control.status_board import StatusBoard
from watcher.status_routes import READ

FOLDER = Path(__file__).parent / "pages"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""The files of the folder that are served, by the ends of their names."""

HEADERS = {
    # Names and reasons come from uploaders. Should one become markup by a mistake of ours, it can run and load nothing.
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # the browser asks each time, and gets 304 unless the watcher is another version
}

PATHS = {
    "/status": "every model, refused keys and sources",
    "/status/{namespace}/{model}": "one model, and what happened to it",
    "/timeline": "what happened to all models",
    "/traffic": "rate, 99th percentile and errors of the last minutes",
    "/stream": "server-sent events with the body of /status",
    "/metrics": "for Prometheus",
    "/healthz": "for probes, as /readyz",
}


def add_page_routes(app: Sanic, board: StatusBoard) -> None:  # type: ignore[type-arg] # as Sanic's own functions
    """Add the page. Its files are read once: they are 100 KB, and the watcher's image never changes."""
    files = {
        path.relative_to(FOLDER).as_posix(): (path.read_bytes(), TYPES[path.suffix])
        for path in FOLDER.rglob("*")
        if path.suffix in TYPES
    }

    @app.route("/", methods=READ)
    async def page(request: Request) -> HTTPResponse:
        accepted = [item.mime for item in request.accept if item.mime]
        if "text/html" in accepted:
            return answer(request, *files["status.html"], vary=True)
        states = dict(sorted(Counter(status.state.value for status in board.models()).items()))
        if "application/json" in accepted:
            return json({"models": states, "paths": PATHS}, headers={"Vary": "Accept"})
        return text(summary(states), headers={"Vary": "Accept"})

    @app.route("/pages/<name:path>", methods=READ)
    async def file(request: Request, name: str) -> HTTPResponse:
        if name not in files:
            raise NotFound("no such file")
        return answer(request, *files[name])


def answer(request: Request, body: bytes, content_type: str, *, vary: bool = False) -> HTTPResponse:
    """Return a file, or 304 if the browser has it."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {**HEADERS, "ETag": tag, **({"Vary": "Accept"} if vary else {})}
    if request.headers.get("if-none-match") == tag:
        return HTTPResponse(status=304, headers=headers)
    return HTTPResponse(body, headers=headers, content_type=content_type)


def summary(states: dict[str, int]) -> str:
    """Return what `curl` shows of `/`."""
    models = ", ".join(f"{count} {state}" for state, count in states.items()) or "none yet"
    lines = [f"KubeServe's watcher. Models: {models}.", "A browser shows the status page here.", ""]
    return "\n".join([*lines, *(f"{path:<29}{meaning}" for path, meaning in PATHS.items()), ""])
