"""Run a program of the server's package on a file: the watcher never imports the server."""

from __future__ import annotations

import sys
from typing import NoReturn

import click


def run(module: str, arguments: list[str]) -> NoReturn:
    """Run `python -m MODULE`, and end with its exit code."""
    import subprocess  # noqa: PLC0415 - --help is quick without it

    command = [sys.executable, "-m", module, *arguments]
    # In a group of its own: Ctrl-C in a terminal would reach it too, and it would print a traceback.
    code = subprocess.run(command, check=False, process_group=0).returncode  # noqa: S603 - our own module
    if code < 0:
        raise click.ClickException(f"the model ended the process that loaded it, by signal {-code}")
    sys.exit(code)
