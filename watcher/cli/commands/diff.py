"""`kubeserve diff`: what another version would change in the objects of a model."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

import click

from watcher.cli.completions import versions
from watcher.cli.context_options import model_argument, with_context
from watcher.cli.options import settings_options
from watcher.cli.output import output_option, print_json
from watcher.client.contexts import Context
from watcher.client.names import model_named
from watcher.core.types import FINGERPRINT, Manifest, ObjectKey, key_of
from watcher.settings import Settings

COLOURS = {"+": "green", "-": "red", "@": "cyan"}
MASK = "***"
PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s/@]+@")
"""In the URL of a proxy, for example."""


@click.command()
@model_argument
@click.argument("old", metavar="V1", shell_complete=versions)
@click.argument("new", metavar="V2", shell_complete=versions)
@with_context
@settings_options("chart_values", "ceilings", "data_only")
@output_option
def diff(context: Context, model: str, old: str, new: str, output: str, **values: Any) -> None:
    r"""Show what would change in the objects of a model on a cluster if V2 served instead of V1.

    Both are rendered from the files in the bucket. The values of the watcher's own --chart-values, --ceilings and
    --data-only count if you give them here too. Secrets are masked.

    \b
    kubeserve diff iris v1 v2
    kubeserve diff my-team/iris v1 v2 -o json
    """
    from watcher.client.model_files import ModelFiles  # noqa: PLC0415 - --help is quick without it
    from watcher.client.store import opened  # noqa: PLC0415 - as above
    from watcher.rendering import render_stored  # noqa: PLC0415 - as above

    wanted = model_named(model, context.namespace)
    settings = Settings(s3_endpoint=context.s3_endpoint, s3_region=context.s3_region, bucket=context.bucket, **values)
    with opened(context) as bucket:
        files = ModelFiles(bucket, wanted)
        found = [files.version(name) for name in (old, new)]
        before, after = (render_stored(settings, bucket, files.entry, version) for version in found)
    changes = differences(before, after, old, new)
    if output == "json":
        objects = [{"kind": key.kind, "name": key.name, "diff": "\n".join(lines)} for key, lines in changes.items()]
        print_json({"namespace": wanted.namespace, "model": wanted.name, "from": old, "to": new, "objects": objects})
        return
    for lines in changes.values():
        click.echo("\n".join(_coloured(line) for line in lines))
    if not changes:
        click.echo(f"{old} and {new} give the same objects")


def differences(
    before: Sequence[Manifest], after: Sequence[Manifest], old: str, new: str
) -> dict[ObjectKey, list[str]]:
    """Return the lines of a unified diff for each object that differs."""
    import difflib  # noqa: PLC0415 - --help is quick without it

    sides = [{key_of(item): _lines(item) for item in manifests} for manifests in (before, after)]
    found = {}
    for key in {**sides[0], **sides[1]}:
        before_name, after_name = (f"{key.kind}/{key.name} {version}" for version in (old, new))
        sides_of_key = sides[0].get(key, []), sides[1].get(key, [])
        lines = difflib.unified_diff(*sides_of_key, before_name, after_name, lineterm="")
        if changed := list(lines):
            found[key] = changed
    return found


def _lines(manifest: Manifest) -> list[str]:
    """Return an object as YAML without secrets, and without its fingerprint, which is a hash of the rest."""
    import yaml  # noqa: PLC0415 - --help is quick without it

    shown: dict[str, Any] = copy.deepcopy(manifest)
    shown["metadata"]["annotations"].pop(FINGERPRINT, None)
    for part in ("data", "stringData"):
        if shown["kind"] == "Secret" and part in shown:
            shown[part] = dict.fromkeys(shown[part], MASK)
    return PASSWORD.sub(rf"\1{MASK}@", yaml.safe_dump(shown, sort_keys=False)).splitlines()


def _coloured(line: str) -> str:
    bold = line.startswith(("+++", "---"))
    return click.style(line, fg=None if bold else COLOURS.get(line[:1]), bold=bold or None)
