"""`kubeserve render`: the objects of one key, or of a model that need not exist."""

from __future__ import annotations

import os
from typing import Any

import click

from watcher.cli.options import settings_options
from watcher.cli.output import output_option, print_json
from watcher.core.types import Manifest, ModelId
from watcher.settings import Settings

STORE = ("s3_endpoint", "bucket", "s3_secure", "s3_region")
"""The names of the settings that say where the store is."""
POD = ("pod_s3_endpoint",)
"""The names of the settings with which pods reach the store."""


@click.command()
@click.argument("source", metavar="[s3://BUCKET/KEY]", default="")
@click.option("--name", default="", help="A model that need not exist, instead of a key: no store is asked.")
@click.option("-n", "--namespace", default="", help="Its namespace.")
@click.option("--version", default="", help="Its version.")
@click.option("-f", "--values", "files", multiple=True, type=click.File("rb"), help="Chart values; later files win.")
@click.option("--set", "assignments", multiple=True, metavar="a.b=c", help="One chart value, as YAML.")
@settings_options(*STORE, *POD, "owner", "chart_values", "ceilings", "data_only", "log_level")
@output_option
def render(source: str, output: str, *, name: str, namespace: str, version: str, **others: Any) -> None:
    r"""Print the objects that would be applied for one key, as YAML.

    The chart values are those of the key's own values.yaml files. Those of -f override them, and --set overrides both.
    With --name instead of a key no store is asked, as by `helm template`: there are no values.yaml files, and the ETag
    of the model is missing.

    Two things are missing that the watcher adds: the ownerReferences, which contain a UID that the API server creates,
    and in the ConfigMap the signed URLs by which the pods fetch the model. So nothing that is printed is secret.

    \b
    kubeserve render s3://kubeserve-models/my-team/iris/v1/model.joblib
    kubeserve render --name my-team/iris --version v1 --set deployment.replicas=3
    """
    if bool(source) == bool(name):
        raise click.UsageError("Missing argument: either s3://BUCKET/KEY, or --name with -n and --version")
    unused = [flag for flag, value in (("-n", namespace), ("--version", version)) if value]
    if source and unused:
        raise click.UsageError(f"{unused[0]}: it belongs to --name; the key has its own")
    manifests = _rendered(source or _model(name, namespace, version), version, **others)
    if output == "json":
        print_json(manifests)
        return
    import yaml  # noqa: PLC0415 - --help is quick without it

    click.echo(yaml.safe_dump_all(manifests, sort_keys=False), nl=False)


def _model(name: str, namespace: str, version: str) -> ModelId:
    from watcher.client.contexts import chosen  # noqa: PLC0415 - --help is quick without it
    from watcher.client.names import model_named  # noqa: PLC0415 - as above

    if not version:
        raise click.UsageError("--name: say the --version too, such as v1")
    return model_named(name, namespace or chosen(os.environ).namespace)


def _rendered(
    what: str | ModelId, version: str, files: tuple[Any, ...], assignments: tuple[str, ...], **values: Any
) -> list[Manifest]:
    from watcher import logs, rendering  # noqa: PLC0415 - --help is quick without it

    settings = Settings(**values)
    logs.configure(settings.log_level)
    if isinstance(what, ModelId):
        return rendering.render_unseen(settings, what, version, files, assignments)
    return rendering.render_one(settings, what, files, assignments)
