"""`kubeserve predict`: one question to a model that serves."""

from __future__ import annotations

import click

from watcher.cli.context_options import model_argument, with_context
from watcher.cli.output import output_option, print_json
from watcher.client.contexts import Context
from watcher.client.names import model_named
from watcher.client.watcher_api import WatcherApi


@click.command()
@model_argument
@click.argument("rows", metavar="ROWS|FILE|-")
@with_context
@click.option("--proba", is_flag=True, help="The probability of each class.")
@output_option
def predict(context: Context, model: str, rows: str, output: str, *, proba: bool) -> None:
    r"""Send rows to a model and print its answer, one line a row.

    \b
    kubeserve predict iris '[[5.1, 3.5, 1.4, 0.2]]'
    kubeserve predict churn '{"age": 31, "city": "Rome"}' --proba
    kubeserve predict churn customers.csv -o json
    cat rows.json | kubeserve predict churn -

    A model of a cluster whose address does not resolve here is asked through the API server, with your kubeconfig.
    """
    from watcher.client import predicting  # noqa: PLC0415 - --help is quick without it
    from watcher.client.reach import reach_of_model  # noqa: PLC0415 - as above

    given = predicting.read(rows)
    wanted = model_named(model, context.namespace)
    reach = reach_of_model(wanted, WatcherApi(context.watcher).url(wanted))
    body = predicting.ask(reach, given, "/predict_proba" if proba else predicting.path_of(reach))
    if output == "json":
        print_json(body)
    else:
        click.echo("\n".join(predicting.lines(body)))
