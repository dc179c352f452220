"""The command group: which commands there are, in which order the help shows them."""

from __future__ import annotations

import click
import rich_click

from watcher import __version__
from watcher.cli.commands.check import check
from watcher.cli.commands.completion import completion
from watcher.cli.commands.context import context
from watcher.cli.commands.delete import delete
from watcher.cli.commands.diff import diff
from watcher.cli.commands.doctor import doctor
from watcher.cli.commands.history import history
from watcher.cli.commands.local import local
from watcher.cli.commands.logs import logs
from watcher.cli.commands.open import open_page
from watcher.cli.commands.pause import pause, resume
from watcher.cli.commands.pin import pin, unpin
from watcher.cli.commands.predict import predict
from watcher.cli.commands.push import push
from watcher.cli.commands.render import render
from watcher.cli.commands.rollback import rollback
from watcher.cli.commands.run import run
from watcher.cli.commands.scan import scan
from watcher.cli.commands.status import status
from watcher.cli.errors import Group

PANELS: dict[str, list[click.Command]] = {
    "Models": [
        *(push, status, predict, open_page, logs),
        *(history, rollback, pin, unpin, pause, resume, diff, delete),
    ],
    "Files": [check, scan, render],
    "Set up": [completion, context, doctor, local, run],
}
"""The commands under the headings of the help, those of the first day first."""

START = """\
Put a model.joblib into a bucket, get a prediction service on Kubernetes.

  kubeserve local              # without a cluster: serve what is pushed
  kubeserve push iris.joblib   # in another terminal: upload, and follow it
  kubeserve status             # every model: state, reason, URL
  kubeserve predict iris '[[5.1, 3.5, 1.4, 0.2]]'

All commands: kubeserve --help. Examples of one: kubeserve COMMAND --help."""
"""What `kubeserve` alone prints: the list of the commands would fill a terminal, and does not say where to begin."""


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "rich_help_config": {"commands_before_options": True, "max_width": 110},
    },
)
@click.version_option(__version__)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Put a model.joblib into a bucket, get a prediction service on Kubernetes."""
    if ctx.invoked_subcommand is None:
        click.echo(START)


for heading, commands in PANELS.items():
    for command in commands:
        main.add_command(command)
    main.add_panel(rich_click.RichCommandPanel(heading, commands=[str(command.name) for command in commands]))
