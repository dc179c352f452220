"""`kubeserve open`: a model's page in the browser."""

from __future__ import annotations

import shutil

import click

from watcher.cli.context_options import model_argument, with_context
from watcher.cli.free_port import free_port
from watcher.cli.output import on_terminal
from watcher.client.contexts import Context
from watcher.client.names import model_named
from watcher.client.watcher_api import WatcherApi
from watcher.core.text import one_line
from watcher.core.types import ModelId
from watcher.errors import Rejected

PAGE = "/docs"


@click.command("open")
@model_argument
@with_context
def open_page(context: Context, model: str) -> None:
    r"""Open the page of a model in the browser, and print its URL.

    \b
    kubeserve open iris

    For a model of a cluster whose address does not resolve here, kubectl forwards a port of this machine until Ctrl-C.
    """
    from watcher.client.reach import resolves  # noqa: PLC0415 - --help is quick without it

    wanted = model_named(model, context.namespace)
    url = WatcherApi(context.watcher).url(wanted)
    if resolves(url):
        show(url + PAGE)
    else:
        forward(wanted, url)


def show(page: str) -> None:
    """Print the URL, and open it where a person sees a browser."""
    click.echo(one_line(page))
    if on_terminal():
        click.launch(page)


def forward(model: ModelId, url: str) -> None:
    """Make the model reachable at a port of this machine, until Ctrl-C or until kubectl ends.

    Raises:
        Rejected: `NoKubectl`, it is not installed; or it failed.

    """
    import subprocess  # noqa: PLC0415 - --help is quick without it

    from watcher.client.calling import LOCAL_PORT, port_forward  # noqa: PLC0415 - as above

    if shutil.which("kubectl") is None:
        command = " ".join(port_forward(model))
        raise Rejected(
            "NoKubectl", f"{url} is an address inside the cluster, and kubectl is not installed here: {command}"
        )
    port = free_port(LOCAL_PORT)
    command_line = port_forward(model, port)
    click.echo(f"{' '.join(command_line)}    # until Ctrl-C", err=True)
    with subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True) as kubectl:  # noqa: S603 - no shell, and names of Kubernetes
        assert kubectl.stdout
        if kubectl.stdout.readline():  # it forwards now
            show(f"http://127.0.0.1:{port}{PAGE}")
        for _ in kubectl.stdout:  # a line for each connection: with a full pipe, kubectl would stop
            pass
        code = kubectl.wait()
    if code:
        raise Rejected("NoKubectl", f"kubectl port-forward ended with exit code {code}")
