"""`kubeserve scan`: what one model file would import."""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli import server_program
from watcher.cli.output import output_option


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@output_option
def scan(file: Path, output: str) -> None:
    r"""List the classes and functions that a model file would import if it were loaded as code. Nothing of it is run.

    Each is `known` (scikit-learn's estimators and the like), of another part of a usual `library`, somebody's `own`
    code, or `dangerous`: the standard library, which reaches files, processes and the network. The list is no verdict:
    known classes can be misused too, and only the server's `--load data` is a boundary.

    Exit codes: 0 all are known, 1 the file cannot be read, 5 some are not known or the file was not read to its end,
    6 some are dangerous.

    \b
    kubeserve scan model.joblib
    kubeserve scan model.joblib -o json
    """
    server_program.run("server.scan", [str(file), "--output", output])
