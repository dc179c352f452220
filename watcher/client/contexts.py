"""Contexts: where the store, the watcher and the models of a user are, by name, in one file as kubectl has.

The file is `$KUBESERVE_CONFIG`, else `~/.config/kubeserve/config.yaml`. A variable such as `KUBESERVE_BUCKET` wins over
the current context, and the context over the `AWS_*` variables, which often belong to something else.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from watcher.client.names import unknown
from watcher.core.naming import namespace_problem
from watcher.core.text import one_line
from watcher.errors import Rejected

VARIABLE = "KUBESERVE_CONFIG"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""What a context with keys puts into the environment of its process, which is where every S3 client looks."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where one user's models are. The fields of the store have the meaning of `kubeserve run`'s flags."""

    name: str = ""
    store: str = "s3"
    s3_endpoint: str = "localhost:9000"
    s3_region: str = "us-east-1"
    bucket: str = "kubeserve-models"
    namespace: str = ""
    watcher: str = "http://127.0.0.1:8080"
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)


FIELDS = tuple(item.name for item in dataclasses.fields(Context) if item.name != "name")
SECRET = ("access_key_id", "secret_access_key")
FALLBACKS = {
    "s3_endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "s3_region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
}
"""The variables of others that count where no context says it."""
VARIABLES = {
    "store": "KUBESERVE_STORE",
    "s3_endpoint": "KUBESERVE_S3_ENDPOINT",
    "s3_region": "KUBESERVE_S3_REGION",
    "bucket": "KUBESERVE_BUCKET",
    "namespace": "KUBESERVE_NAMESPACE",
    "watcher": "KUBESERVE_URL",
}
"""Our own variables, which win over a context."""
SECURE = "KUBESERVE_S3_SECURE"
"""Whether a store whose address has no scheme speaks TLS, as for `kubeserve run`."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """The content of the file."""

    current: str = ""
    named: Mapping[str, Context] = field(default_factory=dict)


def path_of(environment: Mapping[str, str]) -> Path:
    """Return where the file is, or would be.

    Raises:
        Rejected: `NoHome`, the user has no home folder, as in a container.

    """
    if given := environment.get(VARIABLE):
        return Path(given)
    try:
        home = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    except RuntimeError as error:
        raise Rejected("NoHome", f"there is no home folder for the file of contexts: set {VARIABLE}") from error
    return Path(home) / "kubeserve" / "config.yaml"


def read(path: Path) -> Contexts:
    """Return the file's contexts; none if there is no such file.

    Raises:
        Rejected: `Malformed`, it is not a file of contexts; the sentence names the place.

    """
    from watcher.core.plain_yaml import load_map  # noqa: PLC0415 - --help is quick without PyYAML

    try:
        content = load_map(path.read_bytes())
    except FileNotFoundError:
        return Contexts()
    except OSError as error:
        raise Rejected("Malformed", f"{path}: {error.strerror}") from error
    except Rejected as error:
        raise Rejected("Malformed", f"{path}: {error}") from error
    named = content.get("contexts") or {}
    if not isinstance(named, dict):
        raise Rejected("Malformed", f"{path}: contexts: expected a map of names to contexts")
    return Contexts(
        str(content.get("current") or ""), {name: _context(path, name, each) for name, each in named.items()}
    )


def _context(path: Path, name: str, given: Any) -> Context:
    if not isinstance(given, dict):
        raise Rejected("Malformed", f"{path}: contexts.{name}: expected a map")
    for key, value in given.items():
        if key not in FIELDS:
            raise Rejected("Malformed", f"{path}: contexts.{name}: {unknown('field', str(key), FIELDS)}")
        if not isinstance(value, str):
            raise Rejected("Malformed", f"{path}: contexts.{name}.{key}: expected a string")
    return Context(name, **given)


def write(path: Path, contexts: Contexts) -> None:
    """Write the file, readable by its owner alone: a context may hold keys.

    Raises:
        Rejected: `Unwritable`.

    """
    import yaml  # noqa: PLC0415 - as in `read`

    content = {"current": contexts.current, "contexts": {name: _said(each) for name, each in contexts.named.items()}}
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            yaml.safe_dump(content, file, sort_keys=False)
        partial.replace(path)
    except OSError as error:
        raise Rejected("Unwritable", f"{path}: {error.strerror}") from error


def _said(context: Context) -> dict[str, str]:
    """Return the fields of a context that are not the defaults."""
    default = Context()
    return {name: getattr(context, name) for name in FIELDS if getattr(context, name) != getattr(default, name)}


def chosen(environment: Mapping[str, str], name: str = "", **given: str) -> Context:
    """Return the context to use: the one named, else the current one, else what the environment says.

    `given` are the values of flags, which win over everything; an empty one was not given.

    Raises:
        Rejected: the file is malformed, there is no such context, the namespace cannot be one, or
            KUBESERVE_S3_SECURE is neither true nor false.

    """
    path = path_of(environment)
    contexts = read(path)
    wanted = name or environment.get("KUBESERVE_CONTEXT", "") or contexts.current
    if wanted and wanted not in contexts.named:
        raise Rejected("NotFound", f"{path}: {unknown('context', wanted, contexts.named)}")
    ambient = {key: _first(environment, names) for key, names in FALLBACKS.items()} if not wanted else {}
    own = {key: environment.get(variable, "") for key, variable in VARIABLES.items()}
    changes = {key: value for values in (ambient, own, given) for key, value in values.items() if value}
    found = _with_scheme(dataclasses.replace(contexts.named.get(wanted, Context()), **changes), environment)
    if found.namespace and (problem := namespace_problem(found.namespace)):
        raise Rejected("Malformed", problem)
    return found


def _with_scheme(context: Context, environment: Mapping[str, str]) -> Context:
    """Return the context with `https://` before an address without a scheme, if KUBESERVE_S3_SECURE says so."""
    import click  # noqa: PLC0415 - the values that it accepts are those of `kubeserve run`, whose flags are click's

    try:
        secure = click.BOOL.convert(environment.get(SECURE) or "false", None, None)
    except click.BadParameter as error:
        raise Rejected("Malformed", f"{SECURE}: {error.message}") from error
    if not secure or "://" in context.s3_endpoint:
        return context
    return dataclasses.replace(context, s3_endpoint=f"https://{context.s3_endpoint}")


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")


def described(context: Context) -> dict[str, str]:
    """Return a context for people. The secret key is never shown."""
    shown = {name: one_line(getattr(context, name)) for name in FIELDS if name not in SECRET}
    keys = f"of the context ({context.access_key_id})" if context.access_key_id else "AWS_* variables, files or role"
    return {"name": context.name, **shown, "keys": keys}
