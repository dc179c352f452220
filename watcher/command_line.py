"""How the fields of `Settings` become click options, and how every error becomes one line."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from watcher.core.text import one_line
from watcher.errors import WatcherError
from watcher.settings import Settings

Command = Callable[..., None]
USAGE_EXIT_CODE = 2


class Group(click.Group):
    """Turns every error into one line and an exit code: no traceback and no usage text reaches a user."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the group's own arguments."""
        with one_line_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Read the command's arguments and run it."""
        with one_line_errors():
            return super().invoke(ctx)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn any error into click's, which prints one line."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise  # prints the help
    except click.UsageError as error:
        raise Failure(error.format_message(), USAGE_EXIT_CODE) from error
    except click.ClickException as error:
        raise Failure(error.format_message(), error.exit_code) from error
    except (click.exceptions.Exit, click.Abort):
        raise
    except WatcherError as error:
        raise Failure(str(error)) from error
    except Exception as error:  # the last resort: a slip in a setting must not end in a traceback
        import structlog  # noqa: PLC0415 - --help needs no log

        if structlog.is_configured():  # otherwise it would print every level
            structlog.get_logger().debug("unexpected", exc_info=True)
        message = f"unexpected {type(error).__name__} (details: --log-level debug): {one_line(str(error), 500)}"
        raise Failure(message) from error


class Failure(click.ClickException):
    """One line on standard error, and an exit code."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(one_line(message))
        self.exit_code = exit_code  # type: ignore[misc] # click's own subclasses set it on the class


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
