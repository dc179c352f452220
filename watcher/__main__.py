"""The command line, `kubeserve` or `python -m watcher`: run, render, status."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Any

import click
import urllib3
import yaml

from watcher import __version__, logs
from watcher.errors import WatcherError
from watcher.settings import Settings
from watcher.status_table import table

Command = Callable[..., None]
POD = ("pod_s3_endpoint", "pod_aws_access_key_id", "pod_aws_secret_access_key")
"""How pods reach the store."""


class Group(click.Group):
    """Turns our errors into one line and an exit code: no traceback reaches a user."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except WatcherError as error:
            raise click.ClickException(str(error)) from error


def option(field: dataclasses.Field[Any]) -> Callable[[Command], Command]:
    """The click option of one field of `Settings`."""
    flag = field.name.replace("_", "-")
    meta = field.metadata
    kind: Any = type(field.default)
    if "choices" in meta:
        kind = click.Choice(meta["choices"])
    elif "minimum" in meta:
        range_type = click.IntRange if kind is int else click.FloatRange
        kind = range_type(min=meta["minimum"], max=meta.get("maximum"))
    return click.option(
        f"--{flag}/--no-{flag}" if kind is bool else f"--{flag}",
        field.name,
        type=kind,
        default=field.default,
        show_default=not meta.get("secret") and field.default != "",
        envvar=[f"KUBESERVE_{field.name.upper()}", *meta.get("env", ())],
        show_envvar=True,
        help=meta["doc"],
    )


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Options for the named fields of `Settings` (all, if none is named), in their order."""

    def decorate(command: Command) -> Command:
        for field in reversed(dataclasses.fields(Settings)):
            if not names or field.name in names:
                command = option(field)(command)
        return command

    return decorate


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Put a model.joblib into a bucket, get a prediction service on Kubernetes."""


@main.command()
@settings_options()
def run(**values: Any) -> None:
    """Watch the bucket and make the runtime follow it, until SIGTERM or Ctrl-C."""
    from watcher import compose  # noqa: PLC0415 - seconds of imports that `status` and `--help` need not wait for

    settings = Settings(**values)
    logs.configure(settings.log_level)
    compose.run(settings)


@main.command()
@click.argument("source", metavar="s3://BUCKET/KEY")
@click.option("-f", "--values", "files", multiple=True, type=click.File("rb"), help="Chart values; later files win.")
@click.option("--set", "assignments", multiple=True, metavar="a.b=c", help="One chart value, as YAML.")
@settings_options("s3_endpoint", "s3_secure", "s3_region", *POD, "owner", "chart_values")
def render(source: str, files: tuple[Any, ...], assignments: tuple[str, ...], **values: Any) -> None:
    """Print the objects that would be applied for one key, as YAML: its values.yaml count, then -f, then --set.

    Only the ownerReferences are left out: they name a UID that the API server has yet to give. The Secret is among
    the objects, so mind where you print it to.
    """
    from watcher import compose  # noqa: PLC0415 - as above

    manifests = compose.render_one(Settings(**values), source, [file.read() for file in files], assignments)
    click.echo(yaml.safe_dump_all(manifests, sort_keys=False), nl=False)


@main.command()
@click.option("--url", default="http://127.0.0.1:8080", envvar="KUBESERVE_URL", show_default=True, help="The watcher.")
@click.option("--json", "as_json", is_flag=True, help="The body of GET /status as it is.")
def status(url: str, as_json: bool) -> None:
    """Show every model, refused key and event source of a running watcher."""
    try:
        response = urllib3.request("GET", f"{url}/status", timeout=5.0, retries=False)
        body = response.json()
        shown = json.dumps(body, indent=2) if as_json else table(body)
    except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError) as error:
        message = f"no watcher answers at {url}: start one with `kubeserve run`, or name another by --url"
        raise click.ClickException(message) from error
    click.echo(shown)


if __name__ == "__main__":
    sys.exit(main(prog_name="kubeserve"))
