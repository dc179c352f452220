"""What the watcher's own status means. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.client.doctor import cluster_remedies as remedies
from watcher.client.doctor.facts import Facts
from watcher.client.doctor.finding import Finding, fail, ok, skip, warn
from watcher.client.doctor.hint_checks import source_of
from watcher.client.doctor.remedies import setting
from watcher.core.types import UNSUCCESSFUL, State
from watcher.errors import WatcherError

STUCK = UNSUCCESSFUL | {State.HELD}
"""States of a model that a person must look at."""


def check_watcher(facts: Facts) -> Iterator[Finding]:
    """Yield what is to be said of the watcher: whether it answers, reads the bucket, and which models need a person."""
    address = facts.place.watcher
    if isinstance(facts.status, WatcherError):
        detail = f"none answers at {address}" if facts.status.reason == "NoWatcher" else str(facts.status)
        yield fail("watcher", detail, remedies.watcher(facts))
        yield from (skip(name, "the watcher does not answer") for name in ("poll", "models"))
        return
    wanted, its_own = facts.place.context.bucket, facts.status.get("bucket") or ""
    is_folder = facts.place.context.store.startswith("folder:")
    if its_own and its_own != wanted and not is_folder:
        detail = f"the watcher at {address} follows the bucket {its_own}, and the commands use {wanted}"
        yield warn("watcher", detail, setting(facts.place, "bucket", its_own))
    else:
        yield ok("watcher", f"answers at {address}")
    yield _poll(facts)
    yield _models(facts)


def _poll(facts: Facts) -> Finding:
    poll = source_of(facts, "poll")
    if not poll:
        return warn("poll", "the watcher has not looked at the bucket yet", remedies.watcher_log(facts))
    if not poll["live"]:
        return fail("poll", f"the watcher cannot read the bucket: {poll['detail']}", remedies.watcher_log(facts))
    return ok("poll", "the watcher reads the bucket")


def _models(facts: Facts) -> Finding:
    assert not isinstance(facts.status, WatcherError)
    models = facts.status["models"]
    stuck = [f"{item['namespace']}/{item['model']}" for item in models if item["state"] in STUCK]
    if not stuck:
        return ok("models", f"{len(models)} in all, none waits for a person")
    shown = ", ".join(stuck[:5]) + (f" and {len(stuck) - 5} more" if len(stuck) > 5 else "")  # noqa: PLR2004 - as many as are named
    return warn(
        "models", f"{shown}: Failed, Rejected or Held", "\n".join(f"kubeserve status {name}" for name in stuck[:5])
    )
