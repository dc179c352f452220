"""The watcher's HTTP side, as a client sees it."""

from __future__ import annotations

import json
from typing import Any

from watcher.client.reach import reach_of
from watcher.core.text import one_line
from watcher.core.types import ModelId
from watcher.errors import Rejected, Retryable

SECONDS = 5.0
"""Seconds for one answer: the watcher answers from memory."""


class WatcherApi:
    """Asks one running watcher. Every failure is a `WatcherError` with one sentence for people."""

    def __init__(self, address: str, seconds: float = SECONDS) -> None:
        """Take the watcher's URL, or `service://NAMESPACE/NAME[:PORT]` for one in a cluster.

        Raises:
            Rejected: `Malformed`, the address is neither.

        """
        self._shown, self._seconds, self._reach = address, seconds, reach_of(address)

    def status(self) -> dict[str, Any]:
        """Return the body of `GET /status`.

        Raises:
            Retryable: `NoWatcher`, none answers there, or something else does.

        """
        body = self._get("/status")
        try:
            for key in ("models", "refused", "sources"):
                list(body[key])
        except (KeyError, TypeError) as error:
            raise self._away(body) from error
        return dict(body)

    def model(self, model: ModelId) -> dict[str, Any]:
        """Return the status of one model, with its events where the watcher has them.

        The whole status, which may have thousands of models, is only asked of an earlier watcher, or for the names in
        the error.

        Raises:
            Rejected: `NotFound`, the watcher has no such model; the sentence names the nearest one.
            Retryable: as `status`.

        """
        from watcher.client.names import unknown_model  # noqa: PLC0415 - only for an error

        if own := self.own(model):
            return own
        models = self.status()["models"]
        for found in models:
            if (found["namespace"], found["model"]) == (model.namespace, model.name):
                return dict(found)
        raise Rejected(
            "NotFound", unknown_model(str(model), [f"{item['namespace']}/{item['model']}" for item in models])
        )

    def url(self, model: ModelId) -> str:
        """Return the address at which a model answers.

        Raises:
            Rejected: `NotServed`, there is none yet; the sentence says why. Or as `model`.
            Retryable: as `status`.

        """
        found = self.model(model)
        if not found["url"]:
            reason = f": {found['reason']}" if found["reason"] else ""
            raise Rejected("NotServed", f"{model} does not answer yet: it is {found['state']}{reason}")
        return str(found["url"])

    def own(self, model: ModelId) -> dict[str, Any]:
        """Return the answer about one model; {} if there is no such model, and from an earlier watcher.

        Raises:
            Retryable: as `status`.

        """
        body = self._get(f"/status/{model}")
        return body if isinstance(body, dict) and body.get("model") == model.name else {}

    def _get(self, path: str) -> Any:
        try:
            return json.loads(self._reach.request("GET", path, self._seconds).body)
        except (Retryable, ValueError, RecursionError) as error:
            raise self._away() from error

    def _away(self, body: Any = None) -> Retryable:
        """Return the error; with the reason of an API server that has no such Service."""
        reason = body.get("message") if isinstance(body, dict) else None
        said = f" ({one_line(reason, 300)})" if isinstance(reason, str) else ""
        advice = "start one with `kubeserve run`, or set another address by --url"
        return Retryable("NoWatcher", f"no watcher answers at {self._shown}{said}: {advice}")
