"""The Kubernetes API by its paths, as plain data.

The client's own classes for all kinds would cost the watcher 75 MiB and a second of its start, and know no
autoscaler of old. Its configuration, credentials and connections are used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from kubernetes import client, config

from watcher.errors import Rejected, Retryable, WatcherError

TIMEOUT = (5, 30)
"""Seconds to connect and to read: a call without them can hang for ever."""
JSON = "application/json"
APPLY = "application/apply-patch+yaml"
"""Server-side apply; JSON is YAML too."""
FORBIDDEN, NOT_FOUND, CONFLICT = 403, 404, 409


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, body: bytes) -> None:
        try:
            message = str(json.loads(body)["message"])
        except (ValueError, KeyError, TypeError):
            message = f"HTTP {status}"
        super().__init__(message)
        self.status = status


def connect(kubeconfig: str) -> client.ApiClient:
    """One client per process: in-cluster configuration where there is one, else the kubeconfig.

    Raises:
        Rejected: there is no usable configuration.

    """
    try:
        if kubeconfig:
            config.load_kube_config(kubeconfig)
        else:
            config.load_config()
    except (config.ConfigException, OSError, ValueError, TypeError) as error:
        raise Rejected(
            "NoCluster", f"no Kubernetes configuration: {error}; set --kubeconfig, or --runtime local"
        ) from error
    return client.ApiClient()


class Api:
    """Calls with the client's configuration. Thread-safe: the client's pool is."""

    def __init__(self, api: client.ApiClient) -> None:
        self._client = api

    def call(
        self, method: str, path: str, body: Any = None, *, content_type: str = JSON, but: int = 0, **query: str
    ) -> Any:
        """The answer as plain data; None where its status is the one that `but` expects.

        Raises:
            ApiError: any other answer than success.

        """
        method, url, headers, *_ = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": JSON, "Content-Type": content_type},
            auth_settings=["BearerToken"],
        )
        response = self._client.call_api(method, url, headers, body, _request_timeout=TIMEOUT)
        answer = response.read()
        if response.status == but:
            return None
        if not 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's own numbers
            raise ApiError(response.status, answer)
        return json.loads(answer)

    def close(self) -> None:
        self._client.close()


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the API's errors into ours."""
    try:
        yield
    except ApiError as error:
        raise _ours(error, doing) from error
    except (client.ApiException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Retryable("ApiUnreachable", f"{doing}: the API server cannot be reached") from error


def _ours(error: ApiError, doing: str) -> WatcherError:
    if error.status == NOT_FOUND and "namespaces" in str(error):
        return Rejected("NamespaceMissing", f"{doing}: {error}: create it, or run with --create-namespaces")
    by_status = {400: "Invalid", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 422: "Invalid"}
    if error.status in by_status:
        return Rejected(by_status[error.status], f"{doing}: {error}")
    return Retryable("Conflict" if error.status == CONFLICT else "ApiError", f"{doing}: {error}")
