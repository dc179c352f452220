"""`kubeserve check`: one model file, as its server would load it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from watcher.cli.output import output_option


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--example", type=click.Path(path_type=Path), help="Rows as clients send them, instead of the file there."
)
@click.option("--load", type=click.Choice(["auto", "data", "code"]), default="auto", help="As the server's --load.")
@output_option
def check(file: Path, example: Path | None, load: str, output: str) -> None:
    """Load a model as its server would, and print how, and what it takes: columns, types, and an example request.

    The input-example.json next to the file counts. A model that is known as data is also loaded as code, and both are
    compared on random rows. Loading as code runs the code in the file: with `--load data` nothing of it is run.
    """
    arguments = [str(file), "--load", load, "--output", output, *(["--example", str(example)] if example else [])]
    command = [sys.executable, "-m", "server.check", *arguments]
    # In a group of its own: Ctrl-C in a terminal would reach it too, and it would print a traceback.
    code = subprocess.run(command, check=False, process_group=0).returncode  # noqa: S603 - our own module
    if code < 0:
        raise click.ClickException(f"the model ended the process that loaded it, by signal {-code}")
    sys.exit(code)
