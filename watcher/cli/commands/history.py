"""`kubeserve history`: the versions of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from watcher.cli.context_options import model_argument, with_context
from watcher.cli.output import output_option, print_json, table, terminal_width
from watcher.client.contexts import Context
from watcher.client.names import model_named
from watcher.client.watcher_api import WatcherApi
from watcher.core.text import size
from watcher.core.types import ModelId
from watcher.errors import Retryable

COLUMNS = ("version", "state", "serving", "since", "size", "reason")


@click.command()
@model_argument
@with_context
@output_option
def history(context: Context, model: str, output: str) -> None:
    r"""Show the versions of a model, the newest first: which one serves, since when, and why one failed.

    Without a watcher they are those in the bucket, with what the watcher wrote into `_status.json` beside each.

    \b
    kubeserve history iris
    kubeserve history my-team/iris -o json
    """
    wanted = model_named(model, context.namespace)
    versions = _versions(context, wanted)
    if output == "json":
        print_json({"namespace": wanted.namespace, "model": wanted.name, "versions": versions})
    else:
        click.echo(table([_row(item) for item in versions], COLUMNS, none="no versions", width=terminal_width()))


def _versions(context: Context, model: ModelId) -> list[dict[str, Any]]:
    from watcher.client.history import from_watcher, with_status  # noqa: PLC0415 - --help is quick without it

    try:
        status = WatcherApi(context.watcher).model(model)
    except Retryable as error:
        click.echo(f"{error}; this is what the bucket says", err=True)
        return _in_bucket(context, model)
    return from_watcher(status) or with_status(_in_bucket(context, model), status)


def _in_bucket(context: Context, model: ModelId) -> list[dict[str, Any]]:
    from watcher.client.history import from_bucket  # noqa: PLC0415 - --help is quick without it
    from watcher.client.model_files import ModelFiles  # noqa: PLC0415 - as above
    from watcher.client.store import opened  # noqa: PLC0415 - as above

    with opened(context) as bucket:
        return from_bucket(ModelFiles(bucket, model))


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    return {**item, "serving": "yes" if item["serving"] else "", "size": size(item["size"])}
