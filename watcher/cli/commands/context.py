"""`kubeserve context`: where the commands find the store, the watcher and the models."""

from __future__ import annotations

import dataclasses
import os

import click

from watcher.cli.errors import Group
from watcher.cli.output import output_option, print_json, table
from watcher.client import contexts
from watcher.client.names import unknown
from watcher.errors import Rejected


@click.group(cls=Group)
def context() -> None:
    r"""Set and choose where the commands find the store, the watcher and the models.

    \b
    kubeserve context set lab --s3-endpoint https://minio.lab:9000 -n my-team
    kubeserve context use lab
    kubeserve context show
    """


@context.command()
@output_option
def show(output: str) -> None:
    """Show the values in use: those of the current context and of the KUBESERVE_* and AWS_* variables."""
    found = contexts.described(contexts.chosen(os.environ))
    if output == "json":
        print_json(found)
    else:
        click.echo("\n".join(f"{name.replace('_', '-'):12}  {value}".rstrip() for name, value in found.items()))


@context.command("list")
@output_option
def list_contexts(output: str) -> None:
    """List the contexts; the current one has a star."""
    found = contexts.read(contexts.path_of(os.environ))
    rows = [
        {"current": "*" if name == found.current else "", **contexts.described(each)}
        for name, each in found.named.items()
    ]
    if output == "json":
        print_json(rows)
    else:
        columns = ("current", "name", "namespace", "bucket", "s3_endpoint", "watcher")
        click.echo(table(rows, columns, none="no contexts: `kubeserve context set NAME …` makes one"))


@context.command()
@click.argument("name")
def use(name: str) -> None:
    """Make a context the current one."""
    path = contexts.path_of(os.environ)
    found = contexts.read(path)
    _existing(found, name)
    contexts.write(path, dataclasses.replace(found, current=name))
    click.echo(f"the current context is {name}")


@context.command("set")
@click.argument("name")
@click.option("--store", default="", help="`s3`, or `folder:PATH`.")
@click.option("--s3-endpoint", default="", help="The store as `host:port` or URL.")
@click.option("--s3-region", default="", help="The bucket's region.")
@click.option("--bucket", default="", help="The bucket that holds the models.")
@click.option("-n", "--namespace", default="", help="The namespace of models that are named without one.")
@click.option("--watcher", default="", help="The watcher's address.")
@click.option("--keys-from-env", is_flag=True, help="Store AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the file.")
def set_context(name: str, *, keys_from_env: bool, **given: str) -> None:
    """Make a context, or change the given values of one, and make it the current one."""
    path = contexts.path_of(os.environ)
    found = contexts.read(path)
    changes = {key: value for key, value in given.items() if value}
    if keys_from_env:
        changes |= _keys()
    changed = dataclasses.replace(found.named.get(name, contexts.Context(name)), **changes)
    contexts.write(path, contexts.Contexts(name, {**found.named, name: changed}))
    click.echo(f"the current context is {name}, in {path}")


@context.command()
@click.argument("name")
def delete(name: str) -> None:
    """Delete a context from the file; nothing else is touched."""
    path = contexts.path_of(os.environ)
    found = contexts.read(path)
    _existing(found, name)
    left = {key: value for key, value in found.named.items() if key != name}
    contexts.write(path, contexts.Contexts("" if found.current == name else found.current, left))
    click.echo(f"deleted the context {name}")


def _existing(found: contexts.Contexts, name: str) -> None:
    if name not in found.named:
        raise Rejected("NotFound", unknown("context", name, found.named))


def _keys() -> dict[str, str]:
    values = [os.environ.get(variable, "") for variable in contexts.KEYS]
    if not all(values):
        raise Rejected("Malformed", f"--keys-from-env: set {' and '.join(contexts.KEYS)}")
    return dict(zip(contexts.SECRET, values, strict=True))
