"""Structured logs: colours on a terminal, JSON lines otherwise; and last words for whoever started the process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

# structlog makes rich ready for coloured tracebacks wherever it is installed. We never show one, and importing rich
# takes longer than all of structlog: it must look absent for this moment.
_hidden: dict[str, Any] = {} if "rich" in sys.modules else {"rich": None}
sys.modules.update(_hidden)
import structlog  # noqa: E402 - see above

for _name in _hidden:
    del sys.modules[_name]


def configure() -> None:
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=not terminal)
    structlog.configure(
        processors=[structlog.processors.add_log_level, stamp, renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def failed(reason: str) -> None:
    """Say why the process ends, in the log and where Kubernetes (or the local runtime) looks for it."""
    structlog.get_logger().error("cannot serve", reason=reason)
    last_words(reason)


def last_words(message: str) -> None:
    """Leave the reason of a failure where Kubernetes (or the local runtime) looks for it, if it does."""
    path = Path(os.environ.get("KUBESERVE_TERMINATION_LOG", "/dev/termination-log"))
    try:
        if path.exists():
            path.write_text(message)
    except OSError as error:
        structlog.get_logger().warning("no termination log", reason=str(error))
