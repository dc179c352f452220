"""What pin, unpin, rollback, pause and resume share: change a values.yaml in the bucket, say so, and wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from watcher.cli.context_options import model_argument, with_context
from watcher.cli.following import follow, look, wait_options
from watcher.cli.output import output_option, print_json
from watcher.client.contexts import Context
from watcher.client.names import model_named
from watcher.client.watcher_api import WatcherApi
from watcher.core.text import one_line
from watcher.core.types import ModelId, State

if TYPE_CHECKING:
    from watcher.client.model_files import ModelFiles


@dataclass(frozen=True, slots=True)
class Options:
    """What the options that all of these commands have say."""

    context: Context
    model: ModelId
    output: str
    wait: bool
    timeout: float


@dataclass(frozen=True, slots=True)
class Edit:
    """What to change, and the sentence about it."""

    changes: Mapping[str, str | bool | None]
    did: str


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command that changes the values.yaml, and pass them as one."""

    @model_argument
    @with_context
    @wait_options
    @output_option
    @wraps(command)
    def wrapped(
        context: Context, model: str, output: str, *arguments: Any, wait: bool, timeout: float, **others: Any
    ) -> None:
        found = Options(context, model_named(model, context.namespace), output, wait, timeout)
        command(found, *arguments, **others)

    return wrapped


def change(options: Options, decide: Callable[[ModelFiles, WatcherApi], Edit]) -> None:
    """Make the change that `decide` returns, say what was done and what will follow, and wait for it with --wait.

    Raises:
        Rejected: there is no such model or version, or the values.yaml is invalid.
        Retryable: the store or, with --wait, the watcher does not answer.

    """
    from watcher.client.model_files import ModelFiles  # noqa: PLC0415 - --help is quick without it
    from watcher.client.store import opened  # noqa: PLC0415 - as above

    api, model = WatcherApi(options.context.watcher), options.model
    status = look(api, model) if options.wait else {}
    with opened(options.context) as bucket:
        files = ModelFiles(bucket, model)
        edit, before = decide(files, api), files.values
        after = files.change_values(edit.changes)
        follows = _follows(files, after)
    if options.output == "json":
        body = {"namespace": model.namespace, "model": model.name, "changed": after != before, "values": after}
        print_json({**body, "did": edit.did, "follows": follows})
    else:
        click.echo(f"{one_line(edit.did)}\n{one_line(follows)}")
    if options.wait:
        same = after == before or _aim(files, after) == _aim(files, before)
        follow(api, model, {} if same else status, _reached(*_aim(files, after)), timeout=options.timeout)


def _aim(files: ModelFiles, values: Mapping[str, Any]) -> tuple[bool, str]:
    """Return whether the model is paused, and its version: "" if the pinned one does not exist."""
    version = str(values.get("version") or files.names[-1])
    return bool(values.get("paused")), version if version in files.names else ""


def _reached(paused: bool, version: str) -> Callable[[Mapping[str, Any]], bool]:
    if paused:
        return lambda status: status.get("state") == State.PAUSED
    return lambda status: (status.get("state"), status.get("version")) == (State.READY, version)


def _follows(files: ModelFiles, values: Mapping[str, Any]) -> str:
    """Return what the watcher will do with these values."""
    paused, version = _aim(files, values)
    if paused:
        return f"paused: what serves keeps serving, and nothing changes until `kubeserve resume {files.model}`"
    if not version:
        advice = f"kubeserve unpin {files.model}"
        return f"{values['version']} is pinned and does not exist: the watcher changes nothing until `{advice}`"
    if "version" in values:
        until = f"kubeserve unpin {files.model}"
        return f"the watcher rolls out {version}; uploads of other versions change nothing until `{until}`"
    return f"the watcher rolls out {version}, the highest version, and each higher one that is uploaded"
