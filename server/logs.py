"""Structured logs: colours on a terminal, JSON lines otherwise; and last words for whoever started the process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import structlog


def configure() -> None:
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=not terminal)
    structlog.configure(
        processors=[structlog.processors.add_log_level, stamp, renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def last_words(message: str) -> None:
    """Leave the reason of a failure where Kubernetes (or the local runtime) looks for it, if it does."""
    path = Path(os.environ.get("KUBESERVE_TERMINATION_LOG", "/dev/termination-log"))
    try:
        if path.exists():
            path.write_text(message)
    except OSError as error:
        structlog.get_logger().warning("no termination log", reason=str(error))
