"""`kubeserve doctor`: what is wrong with a set-up, and the commands that remedy it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

from watcher.cli.context_options import with_context
from watcher.cli.options import settings_options
from watcher.cli.output import output_option, print_json
from watcher.client.contexts import Context
from watcher.core.text import one_line

if TYPE_CHECKING:
    from watcher.client.doctor.finding import Finding

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "bright_black"}
VERDICT_WIDTH = 4
INDENT = " " * (VERDICT_WIDTH + 2)
WORDS = {"ok": "ok", "warn": "to improve", "fail": "wrong", "skip": "skipped"}


@click.command()
@with_context
@settings_options("kubeconfig")
@click.option("--write", is_flag=True, help="Try to write: put an object into the bucket and delete it again.")
@output_option
def doctor(context: Context, kubeconfig: str, *, write: bool, output: str) -> None:
    r"""Check the store, the watcher and the cluster, and print what remedies each fault.

    Each check is ok, warn, fail, or skip with the reason. Below a warn or fail are the commands to paste. Nothing is
    changed, and no secret is printed. The exit code is 1 if a check fails. In the watcher's pod it checks what the
    watcher itself may do; from your machine it sees more of the cluster.

    \b
    kubeserve doctor
    kubeserve doctor --write -o json
    kubectl exec deployment/kubeserve -n kubeserve -- kubeserve doctor
    """
    from watcher.client.doctor.examination import examine  # noqa: PLC0415 - a second of imports

    findings = examine(context, os.environ, kubeconfig, write=write)
    failed = any(item.verdict == "fail" for item in findings)
    if output == "json":
        print_json({"ok": not failed, "findings": [asdict(item) for item in findings]})
    else:
        click.echo(_text(findings))
    if failed:
        raise click.exceptions.Exit(1)


def _text(findings: list[Finding]) -> str:
    width = max(len(item.name) for item in findings)
    lines = [line for item in _together(findings) for line in _lines(item, width)]
    counts = Counter(str(item.verdict) for item in findings)
    summary = ", ".join(f"{counts[verdict]} {words}" for verdict, words in WORDS.items() if counts[verdict])
    return "\n".join([*lines, "", summary])


def _together(findings: list[Finding]) -> Iterable[tuple[str, str, str, str]]:
    """Yield verdict, names, detail and remedy; neighbours that were skipped for one reason are one line."""
    for (verdict, detail), group in groupby(findings, key=lambda item: (item.verdict, item.detail)):
        items = list(group)
        if verdict == "skip":
            yield verdict, ", ".join(item.name for item in items), detail, ""
        else:
            yield from ((item.verdict, item.name, item.detail, item.remedy) for item in items)


def _lines(item: tuple[str, str, str, str], width: int) -> Iterable[str]:
    verdict, name, detail, remedy = item
    word = click.style(verdict.ljust(VERDICT_WIDTH), fg=COLOURS[verdict])
    yield f"{word}  {name.ljust(width)}  {one_line(detail)}"
    yield from (f"{INDENT}{line}" for line in remedy.splitlines())
