"""What the shell offers after Tab: models, namespaces, versions and contexts; nothing if they are not known."""

from __future__ import annotations

import os
from typing import Any

import click

SECONDS = 0.2
"""Seconds for the watcher's answer: a person waits, and the start of the program takes the rest of half a second."""


def contexts(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of contexts that begin so."""
    from watcher.client.contexts import path_of, read  # noqa: PLC0415 - --help is quick without it
    from watcher.errors import WatcherError  # noqa: PLC0415 - as above

    try:
        return _beginning(incomplete, read(path_of(os.environ)).named)
    except WatcherError:
        return []


def models(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the models that begin so: with their namespace if the user began with one, or has none."""
    namespace, shown = _watched(ctx)
    whole = [f"{item['namespace']}/{item['model']}" for item in shown]
    if "/" in incomplete or not namespace:
        return _beginning(incomplete, whole)
    return _beginning(incomplete, [item["model"] for item in shown if item["namespace"] == namespace])


def namespaces(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the namespaces of models that begin so."""
    return _beginning(incomplete, {item["namespace"] for item in _watched(ctx)[1]})


def versions(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the versions of the model on the line that begin so."""
    namespace, shown = _watched(ctx)
    given = str(ctx.params.get("model") or "")
    wanted = given if "/" in given else f"{namespace}/{given}"
    rows = [item for item in shown if f"{item['namespace']}/{item['model']}" == wanted]
    return _beginning(incomplete, {each["version"] for item in rows for each in item.get("versions") or [item]})


def _watched(ctx: click.Context) -> tuple[str, list[dict[str, Any]]]:
    """Return the namespace in use, and the models of the watcher: none if it is away."""
    from watcher.client.contexts import chosen  # noqa: PLC0415 - --help is quick without it
    from watcher.client.watcher_api import WatcherApi  # noqa: PLC0415 - as above
    from watcher.errors import WatcherError  # noqa: PLC0415 - as above

    given = {key: str(ctx.params.get(key) or "") for key in ("context_name", "namespace", "url")}
    try:
        found = chosen(os.environ, given["context_name"], namespace=given["namespace"], watcher=given["url"])
        return found.namespace, WatcherApi(found.watcher, SECONDS).status()["models"]
    except (WatcherError, KeyError):
        return "", []


def _beginning(incomplete: str, names: Any) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
