"""Every error of the command line as one line and an exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click
import rich_click

from watcher.client.names import unknown
from watcher.core.text import one_line
from watcher.errors import WatcherError

USAGE_EXIT_CODE = 2
FAILED_EXIT_CODE = 3
"""The command did its work, and the model failed."""
TIMEOUT_EXIT_CODE = 4
INTERRUPTED_EXIT_CODE = 130
"""128 and the number of SIGINT, as shells have it."""


class Deferred(click.Command):
    """The name and the short help of a command, whose module is imported when it is used: `--help` is quick without."""

    def __init__(self, name: str, text: str, module: str, attribute: str) -> None:
        super().__init__(name, help=text)
        self._module, self._attribute = module, attribute

    def imported(self) -> click.Command:
        command = getattr(import_module(self._module), self._attribute)
        assert isinstance(command, click.Command)
        return command


class Group(rich_click.RichGroup):
    """Turns every error into one line and an exit code: no traceback and no usage text reaches a user."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run as click's own group does: rich-click's would draw a box around an error, which grep and logs dislike."""
        return click.Group.main(self, *arguments, **options)

    def add_command(self, cmd: click.Command, *arguments: Any, **options: Any) -> None:
        r"""Add a command. Click wants a backspace before lines that are not to be wrapped; we write `\b` for it."""
        cmd.help = cmd.help and cmd.help.replace("\\b\n", "\b\n")
        super().add_command(cmd, *arguments, **options)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Return the command that is named; otherwise fail with the nearest name."""
        if not ctx.resilient_parsing and args[0][:1].isalpha() and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(unknown("command", args[0], self.list_commands(ctx)))
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.loaded(command) if isinstance(command, Deferred) else command, rest

    def loaded(self, deferred: Deferred) -> click.Command:
        """Return the command itself, which takes the place of the deferred one."""
        command = deferred.imported()
        self.add_command(command, deferred.name)
        return command

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the group's own arguments."""
        with one_line_errors():
            ctx = super().make_context(*arguments, **options)
        ctx.color = False if no_colours() else ctx.color
        return ctx

    def invoke(self, ctx: click.Context) -> Any:
        """Read the command's arguments and run it."""
        with one_line_errors():
            return super().invoke(ctx)


def no_colours() -> bool:
    """Return whether the user (https://no-color.org) or the terminal wants none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn any error into click's, which prints one line."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise  # prints the help
    except click.MissingParameter as error:
        command = f": see `{error.ctx.command_path} --help`" if error.ctx else ""
        raise Failure(f"{error.format_message().removesuffix('.')}{command}", USAGE_EXIT_CODE) from error
    except click.UsageError as error:
        raise Failure(error.format_message(), USAGE_EXIT_CODE) from error
    except click.ClickException as error:
        raise Failure(error.format_message(), error.exit_code) from error
    except (click.exceptions.Exit, BrokenPipeError):
        raise  # click ends without a word where the reader of a pipe has gone, as in `| head`
    except (KeyboardInterrupt, click.Abort) as error:
        click.echo(err=True)  # the shell's prompt is not to follow "^C"
        raise click.exceptions.Exit(INTERRUPTED_EXIT_CODE) from error
    except WatcherError as error:
        raise Failure(str(error)) from error
    except Exception as error:  # the last resort: a slip in a setting must not end in a traceback
        import structlog  # noqa: PLC0415 - --help needs no log

        details = ""
        if structlog.is_configured():  # otherwise it would print every level, and the command has no --log-level
            structlog.get_logger().debug("unexpected", exc_info=True)
            details = " (details: --log-level debug)"
        raise Failure(f"unexpected {type(error).__name__}{details}: {one_line(str(error), 500)}") from error


class Failure(click.ClickException):
    """One line on standard error, and an exit code."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(one_line(message))
        self.exit_code = exit_code  # type: ignore[misc] # click's own subclasses set it on the class
