"""How a command finds the user's models: `--context`, `--namespace`, `--url`, and the argument `MODEL`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from watcher.cli import completions
from watcher.client.contexts import Context, chosen

model_argument = click.argument("model", shell_complete=completions.models)
"""The argument of a command on one model: `MODEL` or `NAMESPACE/MODEL`."""


def with_context(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options, and pass their meaning as the first argument, a `Context`."""

    @click.option(
        "--context",
        "context_name",
        default="",
        metavar="NAME",
        shell_complete=completions.contexts,
        help="Another context than the current one.",
    )
    @click.option(
        "-n",
        "--namespace",
        default="",
        shell_complete=completions.namespaces,
        help="The namespace of models that are named without one.",
    )
    @click.option("--url", default="", help="The watcher's address.")
    @wraps(command)
    def wrapped(*arguments: Any, context_name: str, namespace: str, url: str, **options: Any) -> None:
        found: Context = chosen(os.environ, context_name, namespace=namespace, watcher=url)
        command(found, *arguments, **options)

    return wrapped
