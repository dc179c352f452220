"""`kubeserve delete`: a model or one of its versions, out of the bucket."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from watcher.cli.completions import versions
from watcher.cli.context_options import model_argument, with_context
from watcher.cli.errors import USAGE_EXIT_CODE, Failure
from watcher.cli.following import follow, look, wait_options
from watcher.cli.output import output_option, print_json
from watcher.client.contexts import Context
from watcher.client.names import model_named
from watcher.client.watcher_api import WatcherApi
from watcher.core.naming import DELETED_FOLDER
from watcher.core.text import one_line, size
from watcher.core.types import ModelId, State, StoredObject
from watcher.errors import Rejected, Retryable

if TYPE_CHECKING:
    from watcher.client.model_files import ModelFiles


@click.command()
@click.option("--version", metavar="VERSION", shell_complete=versions, help="This version alone.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@model_argument
@with_context
@wait_options
@output_option
def delete(
    context: Context, model: str, version: str | None, output: str, *, yes: bool, wait: bool, timeout: float
) -> None:
    r"""Delete a model from the bucket, or one version. The watcher then removes its objects, or serves another version.

    What goes is listed first. On a terminal you are asked; elsewhere --yes is needed.

    \b
    kubeserve delete iris
    kubeserve delete my-team/iris --version v1 --yes
    """
    from watcher.client.model_files import ModelFiles  # noqa: PLC0415 - --help is quick without it
    from watcher.client.store import opened  # noqa: PLC0415 - as above

    api, wanted = WatcherApi(context.watcher), model_named(model, context.namespace)
    status = look(api, wanted) if wait else {}
    with opened(context) as bucket:
        if version is None and not bucket.list() and _is_held(api, wanted):
            _agree("what the watcher still serves of it", yes=yes)
            bucket.put(f"{DELETED_FOLDER}{wanted}", b"")
            click.echo(f"confirmed the removal of {wanted}, which is not in the bucket")
            return
        files = ModelFiles(bucket, wanted, or_left_over=version is None)  # to repeat an interrupted deletion
        # "" is no version: with an unset variable of a script, the whole model would go.
        going = files.objects if version is None else files.below(_deletable(files, version))
        follows, is_done = _after(files, version)
        what = str(wanted) if version is None else f"{wanted} {version}"
        click.echo(_listed(what, bucket.name, going, follows), err=True)
        count = f"{len(going)} object{'s' if len(going) > 1 else ''}"
        _agree(count, yes=yes)
        if len(going) == len(bucket.list()):
            # A watcher keeps its last model if the bucket is suddenly empty: that may be a fault of the store.
            bucket.put(f"{DELETED_FOLDER}{wanted}", b"")
        bucket.remove(item.key for item in files.in_order_of_removal(going))
    if output == "json":
        keys = [item.key for item in going]
        print_json({"namespace": wanted.namespace, "model": wanted.name, "deleted": keys, "follows": follows})
    else:
        click.echo(f"deleted {count} of {wanted}")
    if wait:
        follow(api, wanted, status, is_done, timeout=timeout)


def _is_held(api: WatcherApi, model: ModelId) -> bool:
    """Return whether a watcher answers and keeps the model until a person acts."""
    try:
        return look(api, model).get("state") == State.HELD
    except Retryable:
        return False


def _deletable(files: ModelFiles, version: str) -> str:
    """Return the version, if it exists and is not pinned: without it the watcher would stop at a missing version."""
    found = files.version(version).version
    if files.values.get("version") == found:
        advice = f"`kubeserve unpin {files.model}`, or pin another one"
        raise Rejected("Pinned", f"{files.model} is pinned to {found}: first {advice}")
    return found


def _after(files: ModelFiles, version: str | None) -> tuple[str, Callable[[Mapping[str, Any]], bool]]:
    """Return what the watcher will do, and whether a status shows that it has."""
    left = [] if version is None else [name for name in files.names if name != version]
    if not left:
        return "the model will be removed: its URL goes, seconds later", lambda status: not status
    values = files.values
    if values.get("paused"):
        until = f"kubeserve resume {files.model}"
        return f"paused: what serves keeps serving until `{until}`", lambda _: True
    chosen = str(values.get("version") or left[-1])
    verb = "stays chosen" if chosen == files.current else "will serve instead"
    return f"{chosen} {verb}", lambda status: (status.get("state"), status.get("version")) == (State.READY, chosen)


def _listed(what: str, bucket: str, going: Sequence[StoredObject], follows: str) -> str:
    keys = [f"  {one_line(item.key)}  {size(item.size)}" for item in going]
    return "\n".join([f"{what} in the bucket {bucket}:", *keys, one_line(follows)])


def _agree(count: str, *, yes: bool) -> None:
    """Ask, unless --yes was given.

    Raises:
        Failure: the answer was no, or there is nobody to ask.

    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure("nothing was deleted: --yes is needed where nobody can be asked", USAGE_EXIT_CODE)
    if not click.confirm(f"Delete {count}?", err=True):
        raise Failure("nothing was deleted")
