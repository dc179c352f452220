"""`--wait`: follow a model until the watcher has done what a command asked for, one line for each change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from watcher.cli.errors import FAILED_EXIT_CODE, TIMEOUT_EXIT_CODE, Failure
from watcher.cli.options import Number
from watcher.client.looking import looks
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
    line = ""
    for found in looks(lambda: look(api, model), timeout, INTERVAL):
        shown, line = line, str(found) if isinstance(found, Retryable) else _line(found)
        if line != shown:
            click.echo(line, err=True)
        if isinstance(found, Retryable):
            continue
        if is_done(found):
            return
        # What failed before the change may not have been looked at again yet.
        if found.get("state") in ENDED_BY_A_PERSON and _state(found) != _state(before):
            raise Failure(f"{model}: {line}", FAILED_EXIT_CODE)
    late = f"{model}: {line}; not done after {timeout:g} s, and the watcher goes on without this command"
    raise Failure(late, TIMEOUT_EXIT_CODE)


def _line(status: Status) -> str:
    if not status:
        return "the watcher does not have it"
    reason = f": {status['reason']}" if status["reason"] else ""
    return one_line(f"{status['version']} is {status['state']}{reason}")


def _state(status: Status) -> tuple[Any, ...]:
    return tuple(status.get(key) for key in ("version", "state", "reason", "since"))
