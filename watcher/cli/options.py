"""How the fields of `Settings` become click options."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from watcher.core.text import one_line
from watcher.settings import Settings

Command = Callable[..., None]


class Number(click.ParamType[float]):
    """A finite number within limits. Click's own ranges accept NaN, and their errors do not name the limits."""

    def __init__(self, kind: type[int | float], minimum: float, maximum: float | None) -> None:
        self._kind, self._minimum, self._maximum = kind, minimum, maximum
        self.name = "integer" if kind is int else "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or fail with what is expected."""
        try:
            number: float = self._kind(value)
        except (ValueError, OverflowError):
            number = math.nan
        top = math.inf if self._maximum is None else self._maximum
        if not (math.isfinite(number) and self._minimum <= number <= top):
            noun = "a whole number" if self._kind is int else "a number"
            limits = f"of at least {self._minimum:g}" if self._maximum is None else f"from {self._minimum:g} to {top:g}"
            self.fail(f"'{one_line(str(value), 60)}': expected {noun} {limits}", param, ctx)
        return number


def option(field: dataclasses.Field[Any]) -> Callable[[Command], Command]:
    """Return the click option of one field of `Settings`."""
    flag = field.name.replace("_", "-")
    meta = field.metadata
    if meta.get("secret"):
        return _secret_option(field.name, flag)
    kind: Any = type(field.default)
    if "choices" in meta:
        kind = click.Choice(meta["choices"])
    elif "minimum" in meta:
        kind = Number(kind, meta["minimum"], meta.get("maximum"))
    return click.option(
        f"--{flag}/--no-{flag}" if kind is bool else f"--{flag}",
        field.name,
        type=kind,
        default=field.default,
        show_default=field.default != "",
        envvar=[f"KUBESERVE_{field.name.upper()}", *meta.get("env", ())],
        show_envvar=True,
        help=meta["doc"],
    )


def _secret_option(name: str, flag: str) -> Callable[[Command], Command]:
    """Return an option that only variables set. Its flag is refused: `ps` shows it to every user of the machine."""
    variable, file_variable = f"KUBESERVE_{name.upper()}", f"KUBESERVE_{name.upper()}_FILE"

    def value_of(ctx: click.Context, _: click.Parameter, value: str) -> str:
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            advice = f"set {variable}, or {file_variable} to the path of a file"
            raise click.UsageError(f"--{flag}: a secret in a flag is visible to every user of this machine: {advice}")
        path = os.environ.get(file_variable)
        if value or not path:
            return value
        try:
            found = Path(path).read_text().strip()
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", "") or "not a text file"
            raise click.UsageError(f"{file_variable}: {one_line(path, 200)}: {cause}") from error
        if not found:  # a secret that is lost must not turn off what it protects
            raise click.UsageError(f"{file_variable}: {one_line(path, 200)}: the file is empty")
        return found

    return click.option(f"--{flag}", name, default="", hidden=True, envvar=variable, callback=value_of)


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Return options for the named fields of `Settings` (all, if none is named), in their order."""

    def decorate(command: Command) -> Command:
        for field in reversed(dataclasses.fields(Settings)):
            if not names or field.name in names:
                command = option(field)(command)
        return command

    return decorate
