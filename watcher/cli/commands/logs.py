"""`kubeserve logs`: what a model's servers print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watcher.cli.completions import versions
from watcher.cli.context_options import model_argument, with_context
from watcher.cli.options import Number, settings_options
from watcher.cli.output import output_option, print_json_line
from watcher.client.contexts import Context
from watcher.client.names import model_named, unknown
from watcher.client.watcher_api import WatcherApi
from watcher.core.text import one_line
from watcher.core.types import UNSUCCESSFUL, ModelId
from watcher.errors import Rejected, Retryable

if TYPE_CHECKING:
    from watcher.client.log_lines import Line

Status = Mapping[str, Any]


@click.command()
@model_argument
@click.option("-f", "--follow", is_flag=True, help="Stay, and print new lines as they come.")
@click.option("--init", is_flag=True, help="The download of the model and its packages instead of the server.")
@click.option("--version", default="", metavar="VERSION", shell_complete=versions, help="The pods of this version.")
@click.option("--tail", type=Number(int, 0, None), help="This many lines of each pod at most.")
@with_context
@settings_options("kubeconfig", "state_dir")
@output_option
def logs(
    context: Context,
    model: str,
    *,
    version: str,
    tail: int | None,
    kubeconfig: str,
    state_dir: str,
    output: str,
    follow: bool,
    init: bool,
) -> None:
    r"""Print the logs of a model's servers, each line after the name of its pod.

    A pod whose server has not started shows the log of the download. On a cluster your kubeconfig is used; with the
    local runtime the watcher's files are read, which have the download and the server in one log.

    \b
    kubeserve logs iris -f
    kubeserve logs iris --version v3 --tail 50     # why v3 failed
    kubeserve logs my-team/iris --init
    """
    wanted = model_named(model, context.namespace)
    about, status = _asked(context, wanted)
    _explain(wanted, status, version)
    runtime = about.get("runtime") or ("local" if context.store.startswith("folder:") else "kubernetes")
    if runtime == "local":
        found = _local(Path(about.get("state_dir") or state_dir), wanted, version, tail, follow=follow)
    else:
        found = _of_pods(kubeconfig, wanted, version, tail, follow=follow, init=init)
    if not _print(found, as_json=output == "json"):
        raise Rejected("NotFound", _nothing(wanted, status, version))


def _asked(context: Context, model: ModelId) -> tuple[Status, Status]:
    """Return what the watcher says of itself and of the model; {} twice if it is away: the logs may be there."""
    api = WatcherApi(context.watcher)
    try:
        return api.status(), api.model(model)
    except Retryable as error:
        click.echo(str(error), err=True)
        return {}, {}


def _explain(model: ModelId, status: Status, version: str) -> None:
    """Print why the model failed, which the log may not say as clearly."""
    about = _about(status, version)
    if about.get("state") in UNSUCCESSFUL:
        click.echo(one_line(f"{model} {about['version']} is {about['state']}: {about['reason']}"), err=True)


def _about(status: Status, version: str) -> Status:
    """Return what the watcher says of a version, or of the model."""
    return next((item for item in status.get("versions") or [] if item["version"] == version), status)


def _nothing(model: ModelId, status: Status, version: str) -> str:
    known = [item["version"] for item in status.get("versions") or []]
    if version and known and version not in known:
        return f"{model}: {unknown('version', version, known)}"
    return f"no server of {model} {version}".rstrip() + " runs, so there is no log"


def _local(state_dir: Path, model: ModelId, version: str, tail: int | None, *, follow: bool) -> Iterator[Line]:
    from watcher.client.local_logs import local_lines  # noqa: PLC0415 - --help is quick without it

    if not state_dir.is_dir():
        raise Rejected("NotFound", f"the watcher keeps its logs in {state_dir}, which is not on this machine")
    return local_lines(state_dir, model, version=version, tail=tail, follow=follow)


def _of_pods(
    kubeconfig: str, model: ModelId, version: str, tail: int | None, *, follow: bool, init: bool
) -> Iterator[Line]:
    from watcher.client.pod_logs import PodLogs  # noqa: PLC0415 - the Kubernetes client takes a while
    from watcher.logs import configure  # noqa: PLC0415 - as above
    from watcher.runtimes.kubernetes.api import connect  # noqa: PLC0415 - as above

    configure("warning")  # otherwise structlog prints every level, with tracebacks
    pods = PodLogs(connect(kubeconfig), model, version=version, init=init)
    return pods.follow(tail) if follow else pods.lines(tail)


def _print(lines: Iterable[Line], *, as_json: bool) -> bool:
    """Print the lines, for programs as they are, and notes on standard error. Return whether there was any."""
    from watcher.client.log_lines import for_people  # noqa: PLC0415 - --help is quick without it

    any_line = False
    for line in lines:
        any_line = True
        if line.is_note:
            click.echo(f"{line.origin}: {one_line(line.text)}", err=True)
        elif as_json:
            print_json_line({"from": line.origin, "line": line.text})
        else:
            click.echo(f"{click.style(line.origin, fg='cyan')} | {for_people(line.text)}")
    return any_line
