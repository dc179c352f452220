"""`kubeserve run`: the watcher itself."""

from __future__ import annotations

from typing import Any

import click

from watcher.cli.options import settings_options
from watcher.settings import Settings


@click.command()
@settings_options()
def run(**values: Any) -> None:
    """Watch the bucket and make the runtime follow it, until SIGTERM or Ctrl-C."""
    from watcher import compose, logs  # noqa: PLC0415 - seconds of imports

    settings = Settings(**values)
    logs.configure(settings.log_level)
    compose.run(settings)
