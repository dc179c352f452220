from __future__ import annotations

import pytest

from watcher.control.source_health import SourceHealth
from watcher.errors import Rejected
from watcher.sources.base import Reporter
from watcher.sources.webhook import Webhook

BODY = b'{"Records": [{"s3": {"bucket": {"name": "models"}, "object": {"key": "a%2Fb"}}}]}'


def webhook_of(token: str) -> tuple[Webhook, list[str], SourceHealth]:
    hints: list[str] = []
    health = SourceHealth()
    webhook = Webhook(token, "models", Reporter("webhook", hints.append, health))
    webhook.start()
    return webhook, hints, health


def test_a_notification_gives_its_hints_and_counts_them() -> None:
    webhook, hints, health = webhook_of("right")
    assert webhook.receive("Bearer right", BODY) == 1
    assert hints == ["a/b"]
    assert [(item.live, item.hints) for item in health.all()] == [(True, 1)]


@pytest.mark.parametrize("header", ["bearer right", "BEARER right", "Bearer  right "])
def test_the_scheme_in_any_case_is_accepted(header: str) -> None:
    webhook, _, _ = webhook_of("right\n")  # a Secret made from a file often ends in a line feed
    assert webhook.receive(header, b"") == 0


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic right", "right", "Bearer \udce9"])
def test_a_missing_or_wrong_token_is_rejected(header: str) -> None:
    for token in ("right", ""):
        webhook, hints, _ = webhook_of(token)
        with pytest.raises(Rejected, match="bearer token") as caught:
            webhook.receive(header, BODY)
        assert (caught.value.reason, hints) == ("Unauthorized", [])


def test_without_a_token_the_source_is_not_live_and_names_the_setting() -> None:
    _, _, health = webhook_of("")
    found = [(item.live, item.wanted, item.detail) for item in health.all()]
    assert found == [(False, False, "off: set KUBESERVE_WEBHOOK_TOKEN")]
