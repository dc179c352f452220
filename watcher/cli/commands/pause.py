"""`kubeserve pause` and `kubeserve resume`: whether the watcher changes anything of a model."""

from __future__ import annotations

import click

from watcher.cli.values_change import Edit, Options, change, change_options


@click.command()
@change_options
def pause(options: Options) -> None:
    r"""Stop all changes of a model, which keeps serving: `paused: true` in its own values.yaml.

    \b
    kubeserve pause iris
    kubeserve pause my-team/iris --wait
    """
    change(options, lambda files, _: Edit({"paused": True}, f"{files.model} is paused"))


@click.command()
@change_options
def resume(options: Options) -> None:
    r"""Let a paused model follow the bucket again: remove `paused` from its own values.yaml.

    \b
    kubeserve resume iris
    kubeserve resume my-team/iris --wait
    """
    change(options, lambda files, _: Edit({"paused": None}, f"{files.model} is not paused"))
