"""Structured logs: colours on a terminal, JSON lines otherwise. And the termination message: why the process ends."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from server.text import one_line


def configure() -> None:
    """Set up structlog for the process, on stderr."""
    terminal = sys.stderr.isatty()
    # The default formatter prints long, coloured tracebacks where the package rich happens to be installed.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=not terminal)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            stamp,
            *([for_terminal, console] if terminal else [structlog.processors.JSONRenderer()]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def for_terminal(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make the texts of a log line printable, before tracebacks are added. JSON escapes them by itself."""
    return {name: one_line(value) if isinstance(value, str) else value for name, value in event.items()}


def report_failure(event: str, reason: str) -> None:
    """Log why the process ends, and write it where Kubernetes (or the local runtime) reads it."""
    reason = one_line(reason)
    structlog.get_logger().error(event, reason=reason)
    write_termination_message(reason)


def write_termination_message(message: str) -> None:
    """Write to the file that Kubernetes or the local runtime has prepared; do nothing if there is none.

    Only a regular file is written: a model may have put a pipe or a link in its place.
    """
    path = os.environ.get("KUBESERVE_TERMINATION_LOG", "/dev/termination-log")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError as error:
        structlog.get_logger().warning("no termination message", reason=f"{path}: {error.strerror}")
        return
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, one_line(message).encode())
    except OSError as error:  # a full disk
        structlog.get_logger().warning("no termination message", reason=f"{path}: {error.strerror}")
    finally:
        os.close(descriptor)
