"""How the watcher learns of uploads: by the store's listen stream, or by its notifications. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watcher.client.doctor import store_remedies as remedies
from watcher.client.doctor.facts import Facts, Rule, StoreFacts
from watcher.client.doctor.finding import Finding, fail, ok, skip, warn
from watcher.errors import WatcherError
from watcher.stores.failures import FOR_A_PERSON

DENIED = "AccessDenied"


def in_words(problem: WatcherError) -> str:
    """Return a problem without what was being done, where our own sentence is known."""
    return FOR_A_PERSON.get(problem.reason, str(problem))


def source_of(facts: Facts, name: str) -> Mapping[str, Any]:
    """Return what the watcher says of one of its hint sources; {} if it does not answer or has none of this name."""
    if isinstance(facts.status, WatcherError):
        return {}
    return next((item for item in facts.status["sources"] if item["name"] == name), {})


def check_listen_stream(facts: Facts, store: StoreFacts) -> Finding:
    """Return whether the store tells the watcher of uploads by its listen stream."""
    name = "listen stream"
    if source_of(facts, "listen").get("live"):
        return ok(name, "the watcher follows it")
    if not isinstance(store.listen, WatcherError):
        return ok(name, "the store sends")
    if store.listen.reason == DENIED:
        remedy = remedies.policy(store, ["s3:ListenBucketNotification"])
        return warn(name, "the policy lacks s3:ListenBucketNotification", remedy)
    return _no_stream(facts, store, store.listen)


def _no_stream(facts: Facts, store: StoreFacts, problem: WatcherError) -> Finding:
    name = "listen stream"
    if problem.reason not in {"StreamNotLive", "StreamUnsupported"}:
        return skip(name, in_words(problem))
    if source_of(facts, "webhook").get("hints"):
        return ok(name, "not live, but the webhook delivers")
    if problem.reason == "StreamUnsupported":
        return ok(name, "the store has none: the poll finds uploads")
    detail = "the store sends nothing on it: the poll finds uploads, and a webhook is faster"
    return warn(name, detail, remedies.webhook(store, facts))


def check_webhook(facts: Facts, store: StoreFacts) -> Finding:
    """Return whether the store notifies the watcher, and whether that arrives."""
    source = source_of(facts, "webhook")
    if isinstance(store.rules, WatcherError):
        return _webhook_unseen(store.rules, source)
    rules = [rule for rule in store.rules if rule.target.endswith(":webhook")]
    if not rules:
        return _without_rule(facts, store, source)
    targets = ", ".join(sorted({rule.target for rule in rules}))
    if lacking := _lacking(rules):
        detail = f"the bucket's rules for {targets} lack the events {lacking}: the poll finds what they miss"
        return warn("webhook", detail, remedies.webhook_rule(store, rules[0].target))
    return _delivery(facts, store, source, targets)


def _delivery(facts: Facts, store: StoreFacts, source: Mapping[str, Any], targets: str) -> Finding:
    """Return whether notifications arrive that the store is to send."""
    sends = f"the bucket notifies {targets}"
    if not source:
        return skip("webhook", f"{sends}; the watcher does not say whether that arrives")
    if not source["live"]:
        detail = f"{sends}, but the watcher has no token and refuses it"
        return fail("webhook", detail, remedies.webhook_token(facts))
    if not source["hints"]:
        detail = f"{sends}, but nothing has arrived since the watcher started"
        return warn("webhook", detail, remedies.webhook_target(store, facts))
    return ok("webhook", f"{source['hints']} hints, the last one {_when(source)}")


def _when(source: Mapping[str, Any]) -> str:
    return f"at {source['last_hint']}" if source.get("last_hint") else "since the watcher started"


def _webhook_unseen(problem: WatcherError, source: Mapping[str, Any]) -> Finding:
    if source.get("hints"):
        return ok("webhook", f"{source['hints']} hints, the last one {_when(source)}")
    if problem.reason == DENIED:
        return skip("webhook", "these keys may not read the bucket's rules (s3:GetBucketNotification)")
    return skip("webhook", in_words(problem))


def _without_rule(facts: Facts, store: StoreFacts, source: Mapping[str, Any]) -> Finding:
    if source.get("live") and not source.get("hints"):
        detail = f"the watcher waits for notifications, but the bucket {store.bucket} has no rule that sends any"
        return warn("webhook", detail, remedies.webhook(store, facts))
    return ok("webhook", "none is configured: the listen stream or the poll finds uploads")


def _lacking(rules: list[Rule]) -> str:
    """Return the events that no rule has."""
    events = {event for rule in rules for event in rule.events}
    wanted = ("s3:ObjectCreated:", "s3:ObjectRemoved:")
    return " and ".join(f"{kind}*" for kind in wanted if not any(event.startswith(kind) for event in events))
