"""How each model that is ready was loaded, as its server says: read as data, or run as code.

Only the server's `/health` has that. It is asked in a thread of its own, so that a model that does not answer delays
nothing. A model that was loaded as code may answer anything: this informs people, and decides nothing.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import urllib3

from watcher.control.status_board import StatusBoard
from watcher.core.types import ModelId, ModelStatus, State
from watcher.net.calls import CallEnded, Calls
from watcher.net.connections import PoolManager

INTERVAL = 1.0
"""Seconds between two looks at the status board."""

ASK_AGAIN = 60.0
"""Seconds until a model that did not say is asked again: it may not be reachable from here at all."""

TIMEOUT = 1.0
"""Seconds for a connection, and for each piece of an answer."""

WHOLE_TIMEOUT = 3.0
"""Seconds for all of it: the server of one model could otherwise send a byte a second, and no other one was asked."""

MAX_ANSWER = 4096
"""Bytes of an answer that are read. `/health` of KubeServe's server has 100."""

WAYS = ("data", "code")

Ask = Callable[[str], str]
Address = Callable[[ModelStatus], str]
"""Where a model's server is asked: the URL that people see may lead through a gateway that wants a password."""

Asked = tuple[datetime, float]
"""The `since` of the status that was asked for, and when it was asked."""


class LoadedAs:
    """Asks each ready model once, and stores the answer on the status board."""

    def __init__(self, board: StatusBoard, ask: Ask | None = None, address: Address | None = None) -> None:
        self._board, self._ask = board, ask or ask_health
        self._address: Address = address or (lambda status: status.url)
        self._asked: dict[ModelId, Asked] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loaded-as", daemon=True)

    def start(self) -> None:
        """Begin to ask. Return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; a question that is asked ends within seconds."""
        self._stopping.set()

    def ask_all(self) -> None:
        """Ask each ready model that was not asked since its status changed."""
        statuses = {status.id: status for status in self._board.models()}
        for model in self._asked.keys() - statuses.keys():
            del self._asked[model]
        for model, status in statuses.items():
            if self._stopping.is_set():
                return
            since, asked_at = self._asked.get(model, (None, 0.0))
            is_known = status.loaded or (since == status.since and time.monotonic() - asked_at < ASK_AGAIN)
            if status.state is State.READY and status.url and not is_known:
                self._board.set_loaded(status, self._ask(self._address(status)))
                self._asked[model] = (status.since, time.monotonic())

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL):
            self.ask_all()


def ask_health(url: str) -> str:
    """Return what `/health` of a server says of its model's load; "" if it does not answer, or says nothing known."""
    with (
        suppress(urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError, RecursionError, CallEnded),
        PoolManager(timeout=TIMEOUT, retries=False) as pool,
        Calls().call(WHOLE_TIMEOUT),
    ):
        response = pool.urlopen("GET", f"{url}/health", redirect=False, preload_content=False)
        try:
            found = json.loads(response.read1(MAX_ANSWER)).get("loaded")
            return found if found in WAYS else ""
        finally:
            response.close()
    return ""
