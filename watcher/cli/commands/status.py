"""`kubeserve status`: what a running watcher shows, once or live."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from watcher.cli.completions import models
from watcher.cli.context_options import with_context
from watcher.cli.errors import FAILED_EXIT_CODE
from watcher.cli.output import age, output_option, print_json, print_json_line, redraws, table, terminal_width
from watcher.client.contexts import Context
from watcher.client.names import model_named, unknown
from watcher.client.watcher_api import WatcherApi
from watcher.core.text import one_line
from watcher.core.types import UNSUCCESSFUL, ModelId
from watcher.errors import Rejected, Retryable

COLUMNS = ("model", "version", "state", "ready", "loaded", "age", "url", "reason")
OTHERS = (
    ("REFUSED KEYS", "refused", ("key", "reason")),
    ("SOURCES", "sources", ("name", "live", "hints", "age", "detail")),
)
NONE = "no models yet: `kubeserve push model.joblib --name NAME` uploads the first"
INTERVAL = 1.0
"""Seconds between two looks of --watch: the watcher answers from memory, and AGE counts seconds."""
GONE = "Gone"
"""The state that --watch prints for a model that is not there any more. The watcher itself shows none of these."""

Body = dict[str, Any]


@click.command()
@click.argument("model", default="", shell_complete=models)
@with_context
@output_option
@click.option("-w", "--watch", is_flag=True, help="Stay: refresh on a terminal, print each change as a line in a pipe.")
@click.option("--json", "as_json", is_flag=True, hidden=True, help="The same as -o json.")
@click.pass_context
def status(ctx: click.Context, context: Context, model: str, output: str, *, watch: bool, as_json: bool) -> None:
    r"""Show every model, refused key and event source of a running watcher, or one model.

    READY is how many pods answer of how many are wanted, LOADED whether the model was read as data or as code, and AGE
    the time in this state. For one model the exit code is 3 if it is Failed or Rejected.

    \b
    kubeserve status
    kubeserve status iris -n my-team
    kubeserve status --watch
    kubeserve status -o json | jq '.models[] | select(.state != "Ready")'
    """
    api, json_wanted = WatcherApi(context.watcher), as_json or output == "json"
    wanted = model_named(model, context.namespace) if model else None
    namespace = str(ctx.params.get("namespace") or "")
    look = _look(api, wanted, "" if wanted else namespace)
    if watch:
        _watch(look, json_wanted=json_wanted, one=wanted is not None)
        return
    body = look()
    if json_wanted:
        print_json(body["models"][0] if wanted else body)
    else:
        click.echo(text_of(body, datetime.now(UTC), one=wanted is not None, width=terminal_width()))
    if wanted and body["models"][0]["state"] in UNSUCCESSFUL:
        raise click.exceptions.Exit(FAILED_EXIT_CODE)


def _look(api: WatcherApi, wanted: ModelId | None, namespace: str) -> Callable[[], Body]:
    """Return a function that returns what is to be shown now."""

    def look() -> Body:
        body = api.status()
        if wanted:
            return {**body, "models": [api.model(wanted)], "refused": _below(wanted.prefix, body), "sources": []}
        if not namespace:
            return body
        found = [item for item in body["models"] if item["namespace"] == namespace]
        refused = _below(f"{namespace}/", body)
        if not found and not refused:
            raise Rejected("NotFound", unknown("namespace", namespace, {item["namespace"] for item in body["models"]}))
        return {**body, "models": found, "refused": refused}

    return look


def _below(prefix: str, body: Body) -> list[Any]:
    return [item for item in body["refused"] if str(item["key"]).startswith(prefix)]


def text_of(body: Body, now: datetime, *, one: bool = False, width: int | None = None) -> str:
    """Return a status as tables; those without a row are left out, except that of the models.

    For `one` model there are no headings.
    """
    shown = table([_row(item, now) for item in body["models"]], COLUMNS, none=NONE, width=width)
    parts = [shown if one else f"MODELS\n{shown}"]
    parts += [f"canary: {one_line(str(item['canary']))}" for item in body["models"] if one and item.get("canary")]
    others = {**body, "sources": [_source(item, now) for item in body["sources"]]}
    parts += [f"{title}\n{table(others[key], columns, width=width)}" for title, key, columns in OTHERS if others[key]]
    return "\n\n".join(parts)


def _row(item: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the cells of one model. A watcher of an earlier version does not say how many pods answer."""
    ready, wanted = item.get("ready"), item.get("replicas")
    return {
        **item,
        "model": _name(item),
        "ready": "" if ready is None else f"{ready}/{'?' if wanted is None else wanted}",
        "age": age(item["since"], now),
    }


def _source(item: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {**item, "live": "yes" if item["live"] else "no", "age": age(item["since"], now)}


def _name(item: Mapping[str, Any]) -> str:
    return f"{item['namespace']}/{item['model']}"


def _watch(look: Callable[[], Body], *, json_wanted: bool, one: bool) -> None:
    """Show what changes, until Ctrl-C. A watcher that goes away for a while, as in an upgrade, is waited for."""
    if redraws() and not json_wanted:
        _watch_live(look, one=one)
        return
    before: Body | None = None
    for body, problem in _looks(look):
        if problem:
            click.echo(problem, err=True)
        elif json_wanted:
            for item in json_changes(before, body):
                print_json_line(item)
        else:
            click.echo("".join(f"{line}\n" for line in changes(before, body)), nl=False)
        before = before if problem else body


def _watch_live(look: Callable[[], Body], *, one: bool) -> None:
    from rich.live import Live  # noqa: PLC0415 - --help is quick without it
    from rich.text import Text  # noqa: PLC0415 - as above

    with Live(auto_refresh=False) as live:
        for body, problem in _looks(look):
            shown = text_of(body, datetime.now(UTC), one=one, width=terminal_width())
            live.update(Text.from_ansi(f"{shown}\n\n{problem}" if problem else shown), refresh=True)


def _looks(look: Callable[[], Body]) -> Iterable[tuple[Body, str]]:
    """Yield what there is to see every second, with the problem in words when the watcher has gone away.

    Raises:
        Retryable: there is no watcher at the beginning.
        Rejected: there is no such model, or no longer.

    """
    body = look()
    while True:
        yield body, ""
        time.sleep(INTERVAL)
        try:
            body = look()
        except Retryable as error:
            yield body, str(error)
            body = _back(look)


def _back(look: Callable[[], Body]) -> Body:
    """Wait until the watcher answers again."""
    while True:
        time.sleep(INTERVAL)
        try:
            return look()
        except Retryable:
            continue


def changes(before: Body | None, after: Body) -> list[str]:
    """Return a line for each model that changed its version, state, reason or URL, is new, or has gone."""
    old = {_name(item): _line(item) for item in (before or {"models": []})["models"]}
    new = {_name(item): _line(item) for item in after["models"]}
    gone = [f"{name}  gone" for name in old if name not in new]
    return [line for name, line in new.items() if old.get(name) != line] + gone


def json_changes(before: Body | None, after: Body) -> list[Mapping[str, Any]]:
    """Return each model that is new or has changed, as it is now, and for one that has gone its name and GONE."""
    old = {_name(item): item for item in (before or {"models": []})["models"]}
    new = {_name(item): item for item in after["models"]}
    gone = [item for name, item in old.items() if name not in new]
    return [
        *(item for name, item in new.items() if old.get(name) != item),
        *({"namespace": item["namespace"], "model": item["model"], "state": GONE} for item in gone),
    ]


def _line(item: Mapping[str, Any]) -> str:
    cells = (item["since"], _name(item), item["version"], item["state"], item["url"], item["reason"])
    return "  ".join(one_line(str(cell)) for cell in cells if cell)
