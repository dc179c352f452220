"""`kubeserve pin` and `kubeserve unpin`: which version serves, whatever is uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from watcher.cli.completions import versions
from watcher.cli.values_change import Edit, Options, change, change_options
from watcher.client.watcher_api import WatcherApi

if TYPE_CHECKING:
    from watcher.client.model_files import ModelFiles


@click.command()
@change_options
@click.argument("version", shell_complete=versions)
def pin(options: Options, version: str) -> None:
    r"""Serve one version, whatever is uploaded: `version: "v1"` in the model's own values.yaml.

    \b
    kubeserve pin iris v1
    kubeserve pin my-team/iris v1 --wait
    """

    def decide(files: ModelFiles, _: WatcherApi) -> Edit:
        return Edit({"version": files.version(version).version}, f"{files.model} is pinned to {version}")

    change(options, decide)


@click.command()
@change_options
def unpin(options: Options) -> None:
    r"""Serve the highest version again: remove `version` from the model's own values.yaml.

    \b
    kubeserve unpin iris
    kubeserve unpin my-team/iris --wait
    """
    change(options, lambda files, _: Edit({"version": None}, f"{files.model} is not pinned to a version"))
