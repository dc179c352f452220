"""One push from the check to the model that serves, for the command line and for notebooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from watcher.client import store
from watcher.client.bundle import Bundle
from watcher.client.calling import Call, documented_call
from watcher.client.checking import Check, Outcome, checked
from watcher.client.contexts import Context
from watcher.client.delivery import AUTO, Delivery, planned, upload
from watcher.client.reach import reach_of_model
from watcher.client.report import Report
from watcher.client.rollout import FINAL, Phase, Step, Wanted, followed, since_of
from watcher.client.watcher_api import WatcherApi
from watcher.core.naming import ARTIFACT
from watcher.core.text import size
from watcher.core.types import ModelId
from watcher.errors import Rejected, Retryable, WatcherError
from watcher.stores.base import WritableBucket


@dataclass(frozen=True, slots=True)
class Options:
    """How to push."""

    version: str = AUTO
    force: bool = False
    check: bool = True
    wait: bool = True
    seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a push."""

    model: ModelId
    version: str
    source: str
    """The URL of the model file in the bucket."""
    check: Check | None
    step: Step
    call: Call | None = None
    """A request that the model documents, with its real names; None if it was not waited for."""


class ModelFailed(Rejected):
    """The version was uploaded, and the watcher says that it cannot serve."""

    def __init__(self, message: str, pushed: Pushed) -> None:
        super().__init__("ModelFailed", message)
        self.pushed = pushed


class StillRolling(Retryable):
    """The version was uploaded, and does not serve within the time."""

    def __init__(self, message: str, pushed: Pushed) -> None:
        super().__init__("StillRolling", message)
        self.pushed = pushed


def push(context: Context, model: ModelId, bundle: Bundle, options: Options, report: Report) -> Pushed:
    """Check, upload, and follow the version until it serves.

    Raises:
        ModelFailed: it was uploaded, and does not serve; the sentence has the watcher's reason.
        StillRolling: it was uploaded, and does not serve yet.
        Retryable, Rejected: it was not uploaded, or could not be followed; the sentence says which.

    """
    check = _checked(bundle, report) if options.check else None
    api = WatcherApi(context.watcher)
    with store.opened(context) as bucket:
        delivery = planned(bucket, model, bundle, version=options.version, force=options.force)
        wanted = _upload(bucket, delivery, api, report)
        source = bucket.source(delivery.folder + ARTIFACT)
    step = Step(Phase.UPLOADED)
    if delivery.not_served:
        step = Step(Phase.NOT_SERVED, delivery.not_served)
        report.line(step.phase, f"{delivery.version}, because {step.text}")
    elif options.wait:
        step = _follow(api, wanted, options.seconds, report)
    call = documented_call(reach_of_model(model, step.url)) if step.phase is Phase.READY else None
    pushed = Pushed(model, delivery.version, source, check, step, call)
    if options.wait:
        _require_served(pushed, options.seconds)
    return pushed


def _require_served(pushed: Pushed, seconds: float) -> None:
    """Raise ModelFailed or StillRolling if the version that was waited for has failed or does not serve yet."""
    step, name = pushed.step, f"{pushed.model} {pushed.version}"
    if step.phase is Phase.FAILED:
        raise ModelFailed(f"{name} failed: {step.text}", pushed)
    if step.phase not in FINAL:
        reached = {Phase.UPLOADED: "the watcher has not seen it: does it read this bucket?"}.get(step.phase, step.text)
        after = f"{name} does not serve after {seconds:g} s ({reached or step.phase})"
        raise StillRolling(f"{after}; `kubeserve status` shows how it goes on", pushed)


def _checked(bundle: Bundle, report: Report) -> Check:
    check = checked(bundle)
    if check.outcome is Outcome.BROKEN:
        reason = check.text.removeprefix(f"{ARTIFACT} cannot be read: ")
        raise Rejected("CannotServe", f"{bundle.file} cannot be served: {reason} (--no-check uploads it all the same)")
    said = {
        Outcome.DATA: f"loads as data: {check.text}",
        Outcome.CODE: f"loads as code, which its pod will try: {check.text}",
        Outcome.UNKNOWN: f"not checked: {check.text}",
    }
    report.line("check", said[check.outcome])
    for note in check.notes:
        report.line("note", note)
    return check


def _upload(bucket: WritableBucket, delivery: Delivery, api: WatcherApi, report: Report) -> Wanted:
    """Upload what is not there yet, and return what to wait for."""
    where = bucket.source(delivery.folder)
    there = {item.key.rpartition("/")[2]: item.etag for item in delivery.existing}
    if delivery.is_there:
        report.line("uploaded", f"{where} has these files already")
        return Wanted(delivery.model, delivery.version, there[ARTIFACT])
    since = since_of(_status_or_none(api), delivery.model) if ARTIFACT in there else ""
    started = time.monotonic()
    with report.sending(delivery.size) as progress:
        etag = upload(bucket, delivery, progress)
    report.line("uploaded", f"{where} ({size(delivery.size)} in {time.monotonic() - started:.1f} s)")
    return Wanted(delivery.model, delivery.version, etag, since if there.get(ARTIFACT) != etag else "")


def _status_or_none(api: WatcherApi) -> Mapping[str, Any]:
    try:
        return api.status()
    except WatcherError:
        return {"models": []}


def _follow(api: WatcherApi, wanted: Wanted, seconds: float, report: Report) -> Step:
    started, step = time.monotonic(), Step(Phase.UPLOADED)
    try:
        for step in followed(lambda: _shown(api, wanted), wanted, seconds):
            if step.phase is not Phase.FAILED:  # that is the error's sentence
                report.line(step.phase, _said(step, wanted, time.monotonic() - started))
    except KeyboardInterrupt:
        report.line("note", f"{wanted.version} is uploaded, and the watcher goes on with it without this command")
        raise
    except Retryable as error:
        raise Retryable(
            error.reason, f"{wanted.model} {wanted.version} is uploaded, but not followed: {error}"
        ) from error
    return step


def _shown(api: WatcherApi, wanted: Wanted) -> Mapping[str, Any]:
    """Return what the watcher shows: of one model as soon as it has seen the upload, because it may have thousands."""
    own = api.own(wanted.model)
    if any((item["version"], item["etag"]) == (wanted.version, wanted.etag) for item in own.get("versions") or []):
        return {"models": [own], "refused": []}
    return api.status()


def _said(step: Step, wanted: Wanted, seconds: float) -> str:
    after = f"{wanted.version} after {seconds:.1f} s"
    texts: dict[Phase, Callable[[], str]] = {
        Phase.NOT_SERVED: lambda: f"{wanted.version}: {step.text}",
        Phase.ROLLING: lambda: step.text or wanted.version,
    }
    return texts.get(step.phase, lambda: after)()
