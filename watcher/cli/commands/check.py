"""`kubeserve check`: one model file, as its server would load it."""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli import server_program
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
    server_program.run("server.check", arguments)
