"""The watcher's HTTP side for the tests of its routes: one for all, because Sanic starts a server once in a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.metrics import Metrics
from watcher.sources.base import Reporter
from watcher.sources.webhook import Webhook
from watcher.web import WebServer, create_app, open_socket


class Healthy:
    def problem(self) -> str:
        return ""

    def refresh(self) -> None:
        """Do nothing."""


@pytest.fixture(scope="session")
def board() -> StatusBoard:
    """Return the status board of the server at `port`. A test leaves it empty."""
    return StatusBoard()


@pytest.fixture(scope="session")
def port(board: StatusBoard) -> Iterator[int]:
    """Return the port of a server, whose webhook takes the token `tok`."""
    sources = SourceHealth()
    webhook = Webhook("tok", "models", Reporter("webhook", lambda _: None, sources))
    webhook.start()
    with open_socket("127.0.0.1:0") as sock:
        server = WebServer(create_app(board, sources, Metrics(), webhook, Healthy()), sock)
        server.start()
        yield sock.getsockname()[1]
        server.stop()
