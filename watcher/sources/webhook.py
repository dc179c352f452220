"""Hints from bucket notifications that the store sends to `POST /events`."""

from __future__ import annotations

import hmac

from watcher.errors import Rejected
from watcher.sources.base import Reporter
from watcher.sources.notification import keys_of, parse


class Webhook:
    """Implements `Source`. It is live when it has a token: without one every notification is rejected."""

    name = "webhook"

    def __init__(self, token: str, bucket: str, reporter: Reporter) -> None:
        self._token, self._bucket, self._reporter = token.strip(), bucket, reporter

    def start(self) -> None:
        """Report whether notifications are accepted."""
        if self._token:
            self._reporter.up()
        else:
            self._reporter.off("set KUBESERVE_WEBHOOK_TOKEN")

    def stop(self) -> None:
        """Do nothing: the web server ends the requests."""

    def receive(self, authorization: str, body: bytes) -> int:
        """Pass on the hints of one notification, and return their number.

        Raises:
            Rejected: `Unauthorized` if the bearer token is missing or wrong, or none is configured; `Malformed` if
                the body is not a notification.

        """
        if not self._is_authorized(authorization):
            raise Rejected("Unauthorized", "the bearer token is missing or wrong")
        keys = keys_of(parse(body), self._bucket, escaped=True)
        for key, deleted in keys:
            self._reporter.hint(key, deleted=deleted)
        return len(keys)

    def _is_authorized(self, authorization: str) -> bool:
        """Compare in constant time. The scheme's case does not matter (RFC 9110, 11.1); a header may hold any bytes."""
        scheme, _, token = authorization.strip().partition(" ")
        if not self._token or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(_bytes(self._token), _bytes(token.strip()))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
