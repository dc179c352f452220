"""Structured logs: colours on a terminal, JSON lines otherwise; always on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from watcher.core.text import one_line


def configure(level: str) -> None:
    """Set up structlog for the process. Lines below `level` cost nothing."""
    terminal = sys.stderr.isatty()
    # The console's renderer formats tracebacks by itself; in JSON they would be lost.
    plain = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # The default formatter prints long, coloured tracebacks where the package rich happens to be installed.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderers: list[Any] = [for_terminal, console] if terminal else plain
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not terminal),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # The libraries' own warnings (urllib3's retries, say) repeat what our adapters already report.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def for_terminal(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make the texts of a log line printable, before tracebacks are added. JSON escapes them by itself."""
    return {name: one_line(value) if isinstance(value, str) else value for name, value in event.items()}
