"""`kubeserve rollback`: serve the version before the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from watcher.cli.completions import versions
from watcher.cli.following import look
from watcher.cli.values_change import Edit, Options, change, change_options
from watcher.client.watcher_api import WatcherApi
from watcher.errors import Rejected, Retryable

if TYPE_CHECKING:
    from watcher.client.model_files import ModelFiles


@click.command()
@click.option("--to", "version", metavar="VERSION", shell_complete=versions, help="The version to serve.")
@change_options
def rollback(options: Options, version: str | None) -> None:
    r"""Serve the version before the current one, by a pin in the model's own values.yaml.

    That is the one that still serves if the current one does not, otherwise the lower one that was ready last, or the
    next lower one. `kubeserve history` shows them, and `kubeserve unpin` ends it.

    \b
    kubeserve rollback iris
    kubeserve rollback my-team/iris --to v1 --wait
    """

    def decide(files: ModelFiles, api: WatcherApi) -> Edit:
        current = files.current
        wanted = _previous(files, api, current) if version is None else files.version(version).version
        return Edit({"version": wanted}, f"{files.model} is rolled back from {current} to {wanted}")

    change(options, decide)


def _previous(files: ModelFiles, api: WatcherApi, current: str) -> str:
    from watcher.client.history import previous  # noqa: PLC0415 - --help is quick without it

    try:
        status = look(api, files.model)
    except Retryable:  # the bucket's own order says it too
        status = {}
    if found := previous(files.names, current, status):
        return found
    raise Rejected("NotFound", f"{files.model} has no version below {current} to roll back to")
