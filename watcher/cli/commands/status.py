"""`kubeserve status`: what a running watcher shows."""

from __future__ import annotations

from typing import Any

import click

from watcher.cli.context_options import with_context
from watcher.cli.output import output_option, print_json, table
from watcher.client.contexts import Context
from watcher.client.watcher_api import WatcherApi

SECTIONS = (
    ("MODELS", "models", ("namespace", "model", "version", "state", "loaded", "since", "url", "reason")),
    ("REFUSED KEYS", "refused", ("key", "reason")),
    ("SOURCES", "sources", ("name", "live", "hints", "since", "detail")),
)


@click.command()
@with_context
@output_option
@click.option("--json", "as_json", is_flag=True, hidden=True, help="The same as -o json.")
def status(context: Context, output: str, *, as_json: bool) -> None:
    """Show every model, refused key and event source of a running watcher."""
    body = WatcherApi(context.watcher).status()
    if as_json or output == "json":
        print_json(body)
    else:
        click.echo(text_of(body))


def text_of(status: dict[str, Any]) -> str:
    """Return the body of `GET /status` as tables; those without a row are left out, except that of the models."""
    parts = [
        f"{title}\n{table(status[key], columns, none='no models')}"
        for title, key, columns in SECTIONS
        if status[key] or key == "models"
    ]
    return "\n\n".join(parts)
