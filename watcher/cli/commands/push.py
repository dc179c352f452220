"""`kubeserve push`: a model from a file to a URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watcher.cli.context_options import with_context
from watcher.cli.errors import FAILED_EXIT_CODE, TIMEOUT_EXIT_CODE, Failure
from watcher.cli.options import Number
from watcher.cli.output import output_option, print_json, redraws
from watcher.client.contexts import Context
from watcher.client.names import model_named
from watcher.client.report import Silent
from watcher.core.text import one_line

if TYPE_CHECKING:
    from watcher.client.pushing import Pushed
    from watcher.stores.base import Progress

WORD = 10
"""Characters of the first column."""
COLOURS = {"ready": "green", "not served": "yellow", "note": "yellow"}
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("path", metavar="MODEL", type=click.Path(exists=True, path_type=Path))
@with_context
@click.option("--name", default="", help="The model's name; without it, that of the file or folder.")
@click.option("--version", default="auto", show_default=True, help="`auto` is the one after the highest.")
@click.option("--requirements", type=FILE, help="The packages that the model needs: requirements.txt.")
@click.option("--values", type=FILE, help="Replicas, resources and settings of this version: values.yaml.")
@click.option("--example", type=FILE, help="A few rows as clients send them, as JSON: input-example.json.")
@click.option("--check/--no-check", default=True, show_default=True, help="Load the model as data first.")
@click.option("--force", is_flag=True, help="Overwrite the version if it exists.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Follow the version until it serves.")
@click.option("--timeout", type=Number(float, 1, 86400), default=300.0, show_default=True, help="Seconds to wait.")
@output_option
def push(context: Context, path: Path, output: str, **given: Any) -> None:
    r"""Upload a model and follow it until it serves: a file, a folder, or an MLflow model directory.

    \b
    kubeserve push iris.joblib           # as `iris`, with the next version
    kubeserve push model.joblib --name iris --example rows.json
    kubeserve push ./iris                # model.joblib, requirements.txt, …
    kubeserve push iris.joblib --version 2026-11-30 --no-wait

    The model is first loaded as data, as its server would do it, without running anything of the file. Exit code 3: the
    version failed, and an older one still serves if there is one. Exit code 4: it does not serve within --timeout.
    """
    from watcher.client.bundle import bundle_of, name_of  # noqa: PLC0415 - --help is quick without it
    from watcher.client.pushing import ModelFailed, Options, StillRolling  # noqa: PLC0415 - as above
    from watcher.client.pushing import push as run  # noqa: PLC0415 - as above

    options = Options(given["version"], given["force"], given["check"], given["wait"], given["timeout"])
    model = model_named(given["name"] or name_of(path), context.namespace)
    bundle = bundle_of(path, requirements=given["requirements"], values=given["values"], example=given["example"])
    try:
        done = run(context, model, bundle, options, Silent() if output == "json" else Lines())
    except (ModelFailed, StillRolling) as error:
        if output == "json":
            print_json(described(error.pushed))
        exit_code = FAILED_EXIT_CODE if isinstance(error, ModelFailed) else TIMEOUT_EXIT_CODE
        raise Failure(str(error), exit_code) from error
    if output == "json":
        print_json(described(done))
    else:
        show_call(done)


class Lines(Silent):
    """One line for each step, and a progress bar on a terminal."""

    def line(self, word: str, text: str) -> None:
        """Print the step."""
        click.echo(f"{click.style(word.ljust(WORD), fg=COLOURS.get(word, 'cyan'))}  {one_line(text)}")

    @contextmanager
    def sending(self, size: int) -> Iterator[Progress]:
        """Show a progress bar to a person."""
        if not redraws():
            yield lambda _: None
            return
        from rich import progress  # noqa: PLC0415 - a pipe needs none

        columns = (progress.BarColumn(), progress.DownloadColumn(), progress.TransferSpeedColumn())
        with progress.Progress(*columns, transient=True) as shown:
            task = shown.add_task("upload", total=size)
            yield lambda count: shown.advance(task, count)


def show_call(done: Pushed) -> None:
    """Print where the model answers, and a command that calls it."""
    from watcher.client.calling import LOCAL_PORT, curl, port_forward  # noqa: PLC0415 - as above
    from watcher.client.reach import resolves  # noqa: PLC0415 - as above

    url = done.step.url
    if not url:
        return
    click.echo(f"\n{one_line(url)}")
    if done.call is None:
        return
    if not resolves(url):
        click.echo(f"{' '.join(port_forward(done.model))} &")
        url = f"http://127.0.0.1:{LOCAL_PORT}"
    click.echo(curl(url, done.call))


def described(done: Pushed) -> dict[str, Any]:
    """Return the result for programs."""
    return {
        "namespace": done.model.namespace,
        "model": done.model.name,
        "version": done.version,
        "source": done.source,
        "loads": done.check.outcome if done.check else None,
        "state": done.step.phase,
        "reason": done.step.text,
        "url": done.step.url,
        "request": {"path": done.call.path, "body": done.call.body} if done.call else None,
    }
