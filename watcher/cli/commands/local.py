"""`kubeserve local`: everything on this machine, for people without a cluster and without a store."""

from __future__ import annotations

import os
from pathlib import Path

import click

from watcher.cli.free_port import free_port
from watcher.client import contexts
from watcher.errors import Rejected

NAME = "local"
PORT = 8080


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".kubeserve",
    show_default=True,
    help="Keeps the models.",
)
@click.option("-n", "--namespace", default="my-team", show_default=True, help="The namespace of what you push.")
def local(folder: Path, namespace: str) -> None:
    r"""Serve models on this machine until Ctrl-C, without a cluster or a store: a folder is the bucket.

    \b
    kubeserve local                  # in one terminal
    kubeserve push iris.joblib       # in another one

    The context `local` becomes the current one, so that all commands mean this. It needs the packages of the server:
    pip install 'kubeserve[watcher,local,server]'.
    """
    from watcher import compose, logs  # noqa: PLC0415 - seconds of imports
    from watcher.settings import Settings  # noqa: PLC0415 - as above

    bucket = folder.resolve() / "bucket"
    try:
        bucket.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Rejected("Unwritable", f"--folder {folder}: {error.strerror}") from error
    port = free_port(PORT)
    use_context(contexts.Context(NAME, f"folder:{bucket}", namespace=namespace, watcher=f"http://127.0.0.1:{port}"))
    settings = Settings(
        runtime="local", store=f"folder:{bucket}", state_dir=str(folder / "local"), listen=f"127.0.0.1:{port}"
    )
    logs.configure(settings.log_level)
    compose.run(settings)


def use_context(context: contexts.Context) -> None:
    """Make the context the current one, and say how to return to the one before."""
    path = contexts.path_of(os.environ)
    found = contexts.read(path)
    contexts.write(path, contexts.Contexts(context.name, {**found.named, context.name: context}))
    click.echo(f"The current context is `{context.name}`, in {path}. In another terminal: kubeserve push MODEL.joblib")
    if found.current and found.current != context.name:
        click.echo(f"Return to the one before with: kubeserve context use {found.current}")
