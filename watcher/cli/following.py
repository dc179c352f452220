"""`--wait`: follow a model until the watcher has done what a command asked for, one line for each change."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import click

from watcher.cli.errors import FAILED_EXIT_CODE, TIMEOUT_EXIT_CODE, Failure
from watcher.cli.options import Number
from watcher.client.watcher_api import WatcherApi
from watcher.core.text import one_line
from watcher.core.types import UNSUCCESSFUL, ModelId, State
from watcher.errors import Rejected, Retryable

ENDED_BY_A_PERSON = UNSUCCESSFUL | {State.HELD}
INTERVAL = 0.5
"""Seconds between two looks: the watcher answers from memory."""

Status = Mapping[str, Any]


def wait_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--wait` and `--timeout`."""
    limit = click.option(
        "--timeout", type=Number(float, 0, 86400), default=600.0, show_default=True, help="Seconds; then exit code 4."
    )
    wait = click.option("--wait", is_flag=True, help="Return when it is done, with exit code 3 if it failed.")
    return wait(limit(command))


def look(api: WatcherApi, model: ModelId) -> dict[str, Any]:
    """Return the status of a model; {} if the watcher does not have it (yet, or any more).

    Raises:
        Retryable: there is no watcher.

    """
    try:
        return api.model(model)
    except Rejected:
        return {}


def follow(
    api: WatcherApi, model: ModelId, before: Status, is_done: Callable[[Status], bool], *, timeout: float
) -> None:
    """Print each state on standard error until `is_done`. `before` is the status before the bucket was changed.

    Raises:
        Failure: the model failed, or nothing more came within the time.

    """
    deadline, shown = time.monotonic() + timeout, ""
    while True:
        try:
            now = look(api, model)
            line = _line(now)
        except Retryable as error:  # an upgrade of the watcher, for example
            now, line = {}, str(error)
        if line != shown:
            click.echo(line, err=True)
            shown = line
        if is_done(now):
            return
        # What failed before the change may not have been looked at again yet.
        if now.get("state") in ENDED_BY_A_PERSON and _state(now) != _state(before):
            raise Failure(f"{model}: {line}", FAILED_EXIT_CODE)
        if time.monotonic() > deadline:
            late = f"{model}: {line}; not done after {timeout:g} s, and the watcher goes on without this command"
            raise Failure(late, TIMEOUT_EXIT_CODE)
        time.sleep(INTERVAL)


def _line(status: Status) -> str:
    if not status:
        return "the watcher does not have it"
    reason = f": {status['reason']}" if status["reason"] else ""
    return one_line(f"{status['version']} is {status['state']}{reason}")


def _state(status: Status) -> tuple[Any, ...]:
    return tuple(status.get(key) for key in ("version", "state", "reason", "since"))
