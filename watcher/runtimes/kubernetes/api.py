"""Call the Kubernetes API by its paths, with plain data.

The kubernetes client's classes for all kinds would cost the watcher 75 MiB and a second of its start, and do not
include the old autoscaling API. Its configuration and connections are used (kubeconfig.py).

No call waits without a bound: nothing is retried here, no redirect is followed, and `Retry-After` is not slept on.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlencode

import structlog
import urllib3

from watcher.core.types import Manifest
from watcher.errors import Rejected, Retryable, WatcherError
from watcher.net.calls import CallEnded, Calls
from watcher.net.causes import Advice, network_cause
from watcher.net.connections import use_our_connections
from watcher.net.lines import lines_of
from watcher.runtimes.kubernetes.answers import ApiError, checked_items, failure, parsed
from watcher.runtimes.kubernetes.kubeconfig import Connection, load

log = structlog.get_logger()

CONNECT_SECONDS, READ_SECONDS = 4, 10
"""Time for a connection, and for each piece of an answer."""
CALL_SECONDS = 60
"""Time for a whole answer, however it arrives."""
RENEW_INTERVAL = 5
"""Seconds between two readings of the configuration: an exec plugin may be slow, and many calls rejected at once."""
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer. A page of 500 Deployments has about 6 MiB."""
CHUNK = 256 * 1024
MAX_LINE = 8 * 1024 * 1024
"""Bytes of one event. etcd stores no object of more than 1.5 MiB."""
PAGE = 500
"""Objects in one answer to a list; kubectl's own default."""

ADVICE = Advice(
    untrusted="check the kubeconfig's certificate-authority",
    no_tls="check the scheme of the kubeconfig's server",
    needs_tls="use https:// in the kubeconfig's server",
)

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
"""Server-side apply; JSON is YAML too."""
JSON_PATCH = "application/json-patch+json"
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, INVALID = 401, 403, 404, 409, 422


class Unreachable(Exception):  # noqa: N818 - named by what it says of the API server
    """There is no answer, or not all of it in time. The text says why."""


def connect(kubeconfig: str) -> Api:
    """Return the API of the configured cluster. If an exec plugin cannot give credentials yet, calls try it again.

    Raises:
        Rejected: the configuration is missing or wrong.

    """
    api = Api(partial(load, kubeconfig))
    with suppress(Retryable):
        api.connection()
    return api


class Api:
    """Calls to one API server. Thread-safe.

    `load` reads the configuration. It is called again when credentials are due, or are rejected by the API server,
    but never twice within RENEW_INTERVAL.
    """

    def __init__(
        self,
        load: Callable[[], Connection],
        now: Callable[[], float] = time.monotonic,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._load, self._now, self._read_seconds = load, now, read_seconds
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._problem: WatcherError | None = None
        self._loaded_at = float("-inf")
        self._calls = Calls()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
        none_if: int = 0,
        query: Mapping[str, str] | None = None,
        as_user: str = "",
    ) -> Manifest | None:
        """Return the answer as plain data; None if its status is `none_if`. `as_user` is whom to impersonate.

        Raises:
            ApiError: any other answer than success, or one that is not a JSON object.
            Unreachable: there is no answer.
            Retryable, Rejected: the credentials are rejected and cannot be read again.

        """
        target = path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "Content-Type": content_type}
        headers |= {"Impersonate-User": as_user} if as_user else {}
        data = None if body is None else json.dumps(body).encode()
        connection = self.connection()
        status, answer = self._exchange(connection, method, target, headers, data)
        if status == UNAUTHORIZED and (renewed := self._renewed(connection)):
            status, answer = self._exchange(renewed, method, target, headers, data)
        if status == none_if:
            return None
        if not 200 <= status < 300:  # noqa: PLR2004 - HTTP's own numbers
            raise failure(status, answer)
        return parsed(answer)

    def items(self, path: str, kind: str, selector: str) -> list[Manifest]:
        """Return all objects of a kind at `path` that have the labels of `selector`, page by page.

        Raises:
            ApiError: as `call`, or the list does not end.

        """
        return [item for items, _ in self.pages(path, kind, selector) for item in items]

    def pages(self, path: str, kind: str, selector: str) -> Iterator[tuple[list[Manifest], str]]:
        """Yield the same objects page by page, each page with the revision of the whole list.

        Raises:
            ApiError: as `call`, or the list does not end.

        """
        tokens = [""]
        while True:
            page = {"labelSelector": selector, "limit": str(PAGE), **({"continue": tokens[-1]} if tokens[-1] else {})}
            document = self.call("GET", path, query=page) or {}
            meta = document.get("metadata") or {}
            yield checked_items(document, kind), str(meta.get("resourceVersion") or "")
            token = meta.get("continue") or ""
            if not token:
                return
            if token in tokens:
                raise ApiError(0, f"the list of {path} does not end: a continuation token came twice")
            tokens.append(token)

    def follow(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        seconds: float,
        opened: Callable[[], None],
        receive: Callable[[bytes], None],
    ) -> None:
        """Call `receive` with each line of an answer as it arrives, after `opened`. Return at the answer's end.

        Raises:
            ApiError: any other answer than success.
            Unreachable: there is no answer, or it has not ended within `seconds`.
            LineTooLong: a line is larger than any object.
            Retryable, Rejected: the credentials cannot be read.

        """
        connection = self.connection()
        target = f"{path}?{urlencode(query)}"
        try:
            with self._calls.call(seconds), closing(self._request(connection, "GET", target, read=seconds)) as response:
                if 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's own numbers
                    opened()
                    for line in lines_of(response, MAX_LINE):
                        receive(line)
                    return
                status, answer = response.status, read_all(response)
        except (CallEnded, urllib3.exceptions.HTTPError, OSError) as error:
            raise _unreachable(connection, error) from error
        if status == UNAUTHORIZED:
            self._renewed(connection)
        raise failure(status, answer)

    def close(self) -> None:
        """End calls in progress at once, with an error. Every later call fails too."""
        self._calls.close()
        if self._connection:
            self._connection.pool.clear()

    def connection(self) -> Connection:
        """Return the connection, with its credentials read again if that is due.

        Raises:
            Retryable, Rejected: there is none yet, and the configuration cannot be read.

        """
        with self._lock:
            found = self._connection
            if found is None or (found.renew_at is not None and self._now() >= found.renew_at):
                self._reload()
            if self._connection is None:
                raise self._problem or Retryable("ApiUnreachable", "the Kubernetes configuration is not read yet")
            return self._connection

    def _renewed(self, rejected: Connection) -> Connection | None:
        """Return a newer connection than the one whose credentials were rejected; None if there is none yet.

        Raises:
            Retryable, Rejected: the configuration cannot be read again, and why.

        """
        with self._lock:
            if self._connection is rejected:
                self._reload()
            if self._problem:
                raise self._problem
            return None if self._connection is rejected else self._connection

    def _reload(self) -> None:
        """Read the configuration, unless that was done a moment ago. A failure leaves the old connection in use."""
        if self._now() - self._loaded_at < RENEW_INTERVAL:
            return
        try:
            found = self._load()
        except WatcherError as error:
            self._problem = error
        else:
            use_our_connections(found.pool)
            self._connection, self._problem = found, None
        finally:
            self._loaded_at = self._now()

    def _exchange(
        self, connection: Connection, method: str, target: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        """Send one request, and return the answer's status and body.

        Raises:
            Unreachable: with the cause.

        """
        try:
            with self._calls.call(CALL_SECONDS):
                return self._send(connection, method, target, headers, body)
        except (CallEnded, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise _unreachable(connection, error) from error

    def _send(
        self, connection: Connection, method: str, target: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        response = self._request(connection, method, target, headers, body, read=self._read_seconds)
        try:
            answer = read_all(response)
        except (
            BaseException
        ):  # whatever ends the reading: the rest of the answer would be read by the connection's next call
            response.close()
            raise
        response.release_conn()
        return response.status, answer

    def _request(
        self,
        connection: Connection,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        read: float,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request, and return the response with its body still to be read."""
        return connection.pool.request(
            method,
            connection.server + target,
            body=body,
            headers={**connection.headers, **(headers or {})},
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read),
            retries=False,
            redirect=False,
            preload_content=False,
        )


def _unreachable(connection: Connection, error: Exception) -> Unreachable:
    cause = str(error) if isinstance(error, CallEnded) else network_cause(error, ADVICE)
    return Unreachable(f"the API server {connection.server} cannot be reached: {cause}")


def read_all(response: urllib3.BaseHTTPResponse) -> bytes:
    """Return the body of a response, bounded in size."""
    answer = bytearray()
    while piece := response.read1(CHUNK):
        answer += piece
        if len(answer) > MAX_ANSWER:
            raise Unreachable(f"the API server's answer is larger than {MAX_ANSWER // 1024**2} MiB")
    return bytes(answer)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn every error of a call into a `WatcherError` that says what was being done."""
    try:
        yield
    except ApiError as error:
        raise _ours(error, doing) from error
    except Unreachable as error:
        raise Retryable("ApiUnreachable", f"{doing}: {error}") from error
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        # For whatever `answers` does not check: a malformed answer must not end the survey with an unexpected error.
        log.debug("malformed answer", doing=doing, exc_info=True)
        raise Retryable("ApiError", f"{doing}: the answer has an unexpected form: {error!r}") from error


def _ours(error: ApiError, doing: str) -> WatcherError:
    if error.status == NOT_FOUND and "namespaces" in str(error):
        return Rejected("NamespaceMissing", f"{doing}: {error}: create it, or run with --create-namespaces")
    by_status = {400: "Invalid", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 422: "Invalid"}
    if error.status in by_status:
        return Rejected(by_status[error.status], f"{doing}: {error}")
    return Retryable("Conflict" if error.status == CONFLICT else "ApiError", f"{doing}: {error}")
