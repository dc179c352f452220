"""Row 18: a stop while something hangs ends in time, and leaves nothing behind."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import ExitStack

import pytest

from tests.integration.driving import Watcher, eventually

from .meddler import holding
from .rows import record
from .scene import Scene, after_surveys

BOUND = 15
"""Seconds. A stop takes 5 s at most; the rest is for a busy machine. A held call takes 25 s or more."""


def seconds_to_stop(watcher: Watcher) -> float:
    began = time.monotonic()
    watcher._process.send_signal(signal.SIGTERM)
    assert watcher._process.wait(120) == 0
    return time.monotonic() - began


@pytest.mark.parametrize("hangs", ["store", "API server", "both", "clients"])
def test_stop_while_something_hangs_ends_in_time(scene: Scene, hangs: str) -> None:
    with ExitStack() as stack, scene.watcher() as watcher:
        scene.put("a/v1/model.joblib")
        eventually(lambda: scene.is_up("a"))
        after_surveys(watcher, 1)
        hold = stack.enter_context(holding())
        if hangs == "clients":
            for _ in range(50):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", watcher.port)))
                client.sendall(b"POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        held = {"store": [scene.store], "API server": [scene.api], "both": [scene.store, scene.api]}.get(hangs, [])
        for proxy in held:
            proxy.before = hold
        for proxy in held:
            eventually(lambda proxy=proxy: proxy.waiting)  # type: ignore[misc]
        seconds = seconds_to_stop(watcher)
        assert seconds < BOUND
    record(18, f"watcher, {hangs}", f"{seconds:.1f} s")
