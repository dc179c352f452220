"""The command group: which commands there are, in which order the help shows them."""

from __future__ import annotations

import click
import rich_click

from watcher import __version__
from watcher.cli.errors import Deferred, Group

PANELS: dict[str, dict[str, str]] = {
    "Models": {
        "push": "Upload a model and follow it until it serves: a file, a folder, or an MLflow model directory.",
        "status": "Show every model, refused key and event source of a running watcher, or one model.",
        "predict": "Send rows to a model and print its answer, one line a row.",
        "open": "Open the page of a model in the browser, and print its URL.",
        "logs": "Print the logs of a model's servers, each line after the name of its pod.",
        "history": "Show the versions of a model, the newest first: which one serves, since when, and why one failed.",
        "rollback": "Serve the version before the current one, by a pin in the model's own values.yaml.",
        "pin": 'Serve one version, whatever is uploaded: `version: "v1"` in the model\'s own values.yaml.',
        "unpin": "Serve the highest version again: remove `version` from the model's own values.yaml.",
        "pause": "Stop all changes of a model, which keeps serving: `paused: true` in its own values.yaml.",
        "resume": "Let a paused model follow the bucket again: remove `paused` from its own values.yaml.",
        "diff": "Show what would change in the objects of a model on a cluster if V2 served instead of V1.",
        "delete": "Delete a model from the bucket, or one version. "
        "The watcher then removes its objects, or serves another version.",
    },
    "Files": {
        "check": "Load a model as its server would, and print how, and what it takes: "
        "columns, types, and an example request.",
        "scan": "List the classes and functions that a model file would import if it were loaded as code. "
        "Nothing of it is run.",
        "render": "Print the objects that would be applied for one key, as YAML.",
    },
    "Set up": {
        "completion": "Print the script that makes a shell complete commands, options and the names of models.",
        "context": "Set and choose where the commands find the store, the watcher and the models.",
        "doctor": "Check the store, the watcher and the cluster, and print what remedies each fault.",
        "local": "Serve models on this machine until Ctrl-C, without a cluster or a store: a folder is the bucket.",
        "run": "Watch the bucket and make the runtime follow it, until SIGTERM or Ctrl-C.",
    },
}
"""The commands under the headings of the help, those of the first day first, each with the first paragraph of its own
help. The list is shown, and a name completed, without the import of a single command."""

ELSEWHERE = {"open": "open:open_page", "unpin": "pin:unpin", "resume": "pause:resume"}
"""Module and attribute of the commands that are not in a module of their name."""

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
    for name, text in commands.items():
        module, _, attribute = ELSEWHERE.get(name, f"{name}:{name}").partition(":")
        main.add_command(Deferred(name, text, f"watcher.cli.commands.{module}", attribute))
    main.add_panel(rich_click.RichCommandPanel(heading, commands=list(commands)))
