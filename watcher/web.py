"""The watcher's HTTP side: status, metrics, probes and the webhook. Handlers only translate."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Mapping
from typing import Any, Protocol

import structlog
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sanic import Sanic
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse, json, text

from strict_http.limits import Limits
from strict_http.sanic_connection import StrictConnection, apply_limits, silence_notice
from watcher.control.failure import describe
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.control.traffic_board import TrafficBoard
from watcher.core.addresses import join_address, split_address
from watcher.core.text import clean
from watcher.errors import Rejected
from watcher.metrics import Metrics
from watcher.page_routes import add_page_routes
from watcher.sources.webhook import Webhook
from watcher.status_body import StatusBody
from watcher.status_routes import READ, add_status_routes

log = structlog.get_logger()

BODY_LIMIT = 1024 * 1024
"""Bytes of a notification: MinIO sends about one kilobyte for each event."""

LIMITS = Limits(connections=200)
"""A store, a scraper, two probes, and a few people."""


def open_socket(address: str) -> socket.socket:
    """Listen on `host:port` or `[IPv6]:port`; without a host, on all addresses of both kinds.

    Raises:
        Rejected: the address is malformed or cannot be used.

    """
    try:
        host, port = split_address(address)
    except Rejected as error:
        raise Rejected(error.reason, f"--listen: {error}") from error
    if port is None:
        raise Rejected("Malformed", f"--listen: '{address}' has no port: expected host:port, such as 127.0.0.1:8080")
    try:
        return _listen(host, port) if host else _listen_everywhere(port)
    except OSError as error:
        cause = error.strerror or error
        raise Rejected("AddressUnusable", f"--listen: cannot listen on {address}: {cause}; choose another") from error


def _listen_everywhere(port: int) -> socket.socket:
    try:
        return _listen("::", port)
    except OSError:
        return _listen("0.0.0.0", port)  # noqa: S104 - requested by an empty host; this machine has no IPv6


def _listen(host: str, port: int) -> socket.socket:
    """Listen on one host. `::` accepts IPv4 too where the system can."""
    family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=family, dualstack_ipv6=both)


def address_of(sock: socket.socket) -> str:
    """Return the address of a listening socket as host:port."""
    host, port, *_ = sock.getsockname()
    return join_address(host, port)


class Health(Protocol):
    """`problem` returns why the process needs a restart, or ""; `refresh` updates the shown state of the sources."""

    def problem(self) -> str: ...
    def refresh(self) -> None: ...


def create_app(
    board: StatusBoard,
    sources: SourceHealth,
    metrics: Metrics,
    webhook: Webhook,
    health: Health,
    *,
    traffic: TrafficBoard | None = None,
    runtime: str = "",
    bucket: str = "",
    state_dir: str = "",
) -> Sanic[Any, Any]:
    silence_notice()
    app: Sanic[Any, Any] = Sanic("kubeserve-watcher", configure_logging=False)
    app.config.update(REQUEST_MAX_SIZE=BODY_LIMIT, GRACEFUL_SHUTDOWN_TIMEOUT=1.0, MOTD=False, ACCESS_LOG=False)
    apply_limits(app, LIMITS)

    body = StatusBody(board, sources, traffic or TrafficBoard(), runtime=runtime, bucket=bucket, state_dir=state_dir)
    add_status_routes(app, body, health.refresh)
    add_page_routes(app, board)

    @app.route("/metrics", methods=READ)
    async def show_metrics(_: Request) -> HTTPResponse:
        health.refresh()
        fill_gauges(metrics, board, sources)
        return HTTPResponse(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)

    @app.route("/healthz", methods=READ)
    async def healthz(_: Request) -> HTTPResponse:
        problem = health.problem()
        return text(problem, status=503) if problem else text("ok")

    @app.route("/readyz", methods=READ)
    async def readyz(_: Request) -> HTTPResponse:
        health.refresh()
        poll = next((source for source in sources.all() if source.name == "poll"), None)
        ready = poll is not None and poll.live
        return text("ok") if ready else text(poll.detail if poll else "no survey yet", status=503)

    _add_webhook(app, webhook)
    app.exception(Exception)(_answer_failure)
    return app


def _add_webhook(app: Sanic[Any, Any], webhook: Webhook) -> None:
    @app.post("/events")
    async def events(request: Request) -> HTTPResponse:
        try:
            return json({"hints": webhook.receive(request.headers.get("authorization", ""), request.body)})
        except Rejected as error:
            return _error(str(error), 401 if error.reason == "Unauthorized" else 400)

    @app.route("/events", methods=READ)
    async def probe(_: Request) -> HTTPResponse:
        return text("")  # MinIO checks in this way that its target exists


async def _answer_failure(_: Request, error: Exception) -> HTTPResponse:
    if isinstance(error, SanicException):
        return _error(str(error), error.status_code, getattr(error, "headers", {}))
    reason, message = describe(error)
    log.warning("a request failed", reason=message)
    log.debug("unexpected", exc_info=error)
    return _error(f"{reason}: see the watcher's log", 500)


def _error(message: str, status: int, headers: Mapping[str, Any] | None = None) -> HTTPResponse:
    return json({"error": clean(message)}, status=status, headers=dict(headers or {}))


def fill_gauges(metrics: Metrics, board: StatusBoard, sources: SourceHealth) -> None:
    """Compute the gauges from the status board. Called at each scrape, so they are never out of date."""
    for gauge in (metrics.models, metrics.model_state, metrics.ready_pods, metrics.wanted_pods):
        gauge.clear()
    for status in board.models():
        model = status.namespace, status.model
        metrics.models.labels(status.state.value).inc()
        metrics.model_state.labels(*model, status.version, status.state.value).set(1)
        if status.pods.ready is not None:
            metrics.ready_pods.labels(*model).set(status.pods.ready)
        if status.pods.wanted is not None:
            metrics.wanted_pods.labels(*model).set(status.pods.wanted)
    for source in sources.all():
        if source.wanted:  # an alert for one that is off would never end
            metrics.source_up.labels(source.name).set(source.live)
        metrics.hints.labels(source.name).set(source.hints)


async def end_connections() -> None:
    """Cancel the tasks of idle connections: asyncio would warn about them when the event loop closes."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


class WebServer(threading.Thread):
    """Serves `app` on `sock` in a loop of its own, until `stop`."""

    def __init__(self, app: Sanic[Any, Any], sock: socket.socket) -> None:
        super().__init__(name="web", daemon=True)
        self._app, self._sock = app, sock
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    def stop(self) -> None:
        if self.is_alive():
            self._loop.call_soon_threadsafe(self._done.set)
            self.join(2)

    async def _serve(self) -> None:
        server = await self._app.create_server(sock=self._sock, protocol=StrictConnection, return_asyncio_server=True)
        if server is None:
            return
        await server.startup()
        await server.start_serving()
        await self._done.wait()
        await server.close()
        # Sanic would log a traceback for each client that is in the middle of its body.
        logging.getLogger("sanic.error").setLevel(logging.CRITICAL)
        await end_connections()
