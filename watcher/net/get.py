"""A GET that is bounded in time and size, whatever the other side does."""

from __future__ import annotations

import urllib3

from watcher.net.calls import CallEnded, Calls
from watcher.net.connections import PoolManager, Redirected

PIECE = 65536
HEADERS = {"Connection": "close", "Accept-Encoding": "identity"}
"""A new connection each time: behind a Service, each may reach another pod."""

OK = 200


class Getter:
    """Makes GET requests until it is closed. Thread-safe."""

    def __init__(self) -> None:
        self._calls, self._pool = Calls(), PoolManager(retries=False)

    def get(self, url: str, *, seconds: float, most: int) -> bytes | None:
        """Return the body of an answer with status 200 and at most `most` bytes; None for everything else."""
        try:
            with self._calls.call(seconds):
                response = self._pool.request(
                    "GET", url, headers=HEADERS, timeout=urllib3.Timeout(seconds), preload_content=False
                )
                try:
                    return _read(response, most)
                finally:
                    response.close()
        except (urllib3.exceptions.HTTPError, CallEnded, Redirected, OSError, ValueError):
            return None

    def close(self) -> None:
        """End the requests in progress, and each later one at its start."""
        self._calls.close()


def _read(response: urllib3.BaseHTTPResponse, most: int) -> bytes | None:
    if response.status != OK:
        return None
    body = bytearray()
    while piece := response.read(PIECE):
        body += piece
        if len(body) > most:
            return None
    return bytes(body)
