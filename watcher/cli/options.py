"""How the fields of `Settings` become click options."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
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
        show_default=not meta.get("secret") and field.default != "",
        envvar=[f"KUBESERVE_{field.name.upper()}", *meta.get("env", ())],
        show_envvar=True,
        help=meta["doc"],
    )


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Return options for the named fields of `Settings` (all, if none is named), in their order."""

    def decorate(command: Command) -> Command:
        for field in reversed(dataclasses.fields(Settings)):
            if not names or field.name in names:
                command = option(field)(command)
        return command

    return decorate
