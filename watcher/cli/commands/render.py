"""`kubeserve render`: the objects of one key."""

from __future__ import annotations

from typing import Any

import click

from watcher.cli.options import settings_options
from watcher.settings import Settings

POD = ("pod_s3_endpoint", "pod_aws_access_key_id", "pod_aws_secret_access_key")
"""The names of the settings with which pods reach the store."""


@click.command()
@click.argument("source", metavar="s3://BUCKET/KEY")
@click.option("-f", "--values", "files", multiple=True, type=click.File("rb"), help="Chart values; later files win.")
@click.option("--set", "assignments", multiple=True, metavar="a.b=c", help="One chart value, as YAML.")
@settings_options(
    "s3_endpoint", "s3_secure", "s3_region", *POD, "owner", "chart_values", "ceilings", "data_only", "log_level"
)
def render(source: str, files: tuple[Any, ...], assignments: tuple[str, ...], **values: Any) -> None:
    """Print the objects that would be applied for one key, as YAML.

    The chart values are those of the key's own values.yaml files. Those of -f override them, and --set overrides both.
    Only the ownerReferences are missing: they contain a UID that the API server creates. The Secret is among the
    objects, so do not print it where others can read it.
    """
    import yaml  # noqa: PLC0415 - --help is quick without it

    from watcher import logs, rendering  # noqa: PLC0415 - as above

    settings = Settings(**values)
    logs.configure(settings.log_level)
    manifests = rendering.render_one(settings, source, files, assignments)
    click.echo(yaml.safe_dump_all(manifests, sort_keys=False), nl=False)
