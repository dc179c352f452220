"""The command line, `kubeserve` or `python -m watcher`: run, render, check, status.

Each command imports what it needs, so that a short one, and --help, take little more than the start of Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from watcher import __version__
from watcher.command_line import Group, settings_options
from watcher.settings import Settings

POD = ("pod_s3_endpoint", "pod_aws_access_key_id", "pod_aws_secret_access_key")
"""The names of the settings with which pods reach the store."""


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Put a model.joblib into a bucket, get a prediction service on Kubernetes."""


@main.command()
@settings_options()
def run(**values: Any) -> None:
    """Watch the bucket and make the runtime follow it, until SIGTERM or Ctrl-C."""
    from watcher import compose, logs  # noqa: PLC0415 - seconds of imports

    settings = Settings(**values)
    logs.configure(settings.log_level)
    compose.run(settings)


@main.command()
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
    import yaml  # noqa: PLC0415 - as above

    from watcher import logs, rendering  # noqa: PLC0415 - as above

    settings = Settings(**values)
    logs.configure(settings.log_level)
    manifests = rendering.render_one(settings, source, files, assignments)
    click.echo(yaml.safe_dump_all(manifests, sort_keys=False), nl=False)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--example", type=click.Path(path_type=Path), help="Rows as clients send them, instead of the file there."
)
@click.option("--load", type=click.Choice(["auto", "data", "code"]), default="auto", help="As the server's --load.")
def check(file: Path, example: Path | None, load: str) -> None:
    """Load a model as its server would, and print how, and what it takes: columns, types, and an example request.

    The input-example.json next to the file counts. A model that is known as data is also loaded as code, and both are
    compared on random rows. Loading as code runs the code in the file: with `--load data` nothing of it is run.
    """
    arguments = [str(file), "--load", load, *(["--example", str(example)] if example else [])]
    code = subprocess.run([sys.executable, "-m", "server.check", *arguments], check=False).returncode  # noqa: S603 - our own module
    if code < 0:
        raise click.ClickException(f"the model ended the process that loaded it, by signal {-code}")
    sys.exit(code)


@main.command()
@click.option("--url", default="http://127.0.0.1:8080", envvar="KUBESERVE_URL", show_default=True, help="The watcher.")
@click.option("--json", "as_json", is_flag=True, help="The body of GET /status as it is.")
def status(url: str, as_json: bool) -> None:
    """Show every model, refused key and event source of a running watcher."""
    import urllib3  # noqa: PLC0415 - as above

    from watcher.status_table import table  # noqa: PLC0415 - as above

    address = url if "://" in url else f"http://{url}"
    try:
        response = urllib3.request("GET", f"{address.rstrip('/')}/status", timeout=5.0, retries=False)
        body = response.json()
        shown = json.dumps(body, indent=2) if as_json else table(body)
    except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"no watcher answers at {url}: start one with `kubeserve run`, or set another address by --url"
        raise click.ClickException(message) from error
    click.echo(shown)


if __name__ == "__main__":
    sys.exit(main(prog_name="kubeserve"))
