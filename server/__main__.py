"""`python -m server --model PATH`: arguments → app → run."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import structlog

from server import logs
from server.app import create_app
from server.drain import drain_on_sigterm

MAX_BODY_SIZE = 16 * 1024 * 1024
"""Bytes: ten thousand rows of a hundred features as JSON."""


def arguments() -> argparse.Namespace:
    """Each option is also an environment variable, `KUBESERVE_SERVER_…`."""
    parser = argparse.ArgumentParser(prog="python -m server", description="Serve one joblib model over HTTP.")

    def add(flag: str, default: Any, text: str, kind: Any = str) -> None:
        variable = "KUBESERVE_SERVER_" + flag.removeprefix("--").replace("-", "_").upper()
        value = os.environ.get(variable) or default
        parser.add_argument(flag, type=kind, default=value, required=value is None, help=f"{text} [env: {variable}]")

    add("--model", None, "path of model.joblib", Path)
    add("--host", "0.0.0.0", "address to listen on")  # noqa: S104 - a pod's server is for the cluster
    add("--port", 8080, "port to listen on", int)
    add("--name", "model", "the model's name in answers and metrics")
    add("--version", "", "the model's version in answers and metrics")
    add("--max-body-size", MAX_BODY_SIZE, "largest request body, in bytes", int)
    add("--drain-seconds", 0.0, "on SIGTERM answer for this long before the stop", float)
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    logs.configure()
    failures: list[str] = []
    try:
        sock = socket.create_server((options.host, options.port), backlog=1024)
    except (OSError, OverflowError) as error:
        return failed(f"cannot listen on {options.host}:{options.port}: {error}")
    if options.stop_with_stdin:
        threading.Thread(target=stop_with_stdin, daemon=True).start()
    app = create_app(
        options.model,
        name=options.name,
        version=options.version,
        max_body_size=options.max_body_size,
        fail=failures.append,
    )
    drain_on_sigterm(app, options.drain_seconds)
    app.run(sock=sock, single_process=True, motd=False, access_log=False)
    code = failed(failures[0]) if failures else 0
    sys.stderr.flush()
    os._exit(code)  # a prediction or a load still running in its thread would hold a normal exit up


def stop_with_stdin() -> None:
    """End with the parent: its death closes our standard input, on every system."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def failed(reason: str) -> int:
    structlog.get_logger().error("cannot serve", reason=reason)
    logs.last_words(reason)
    return 1


if __name__ == "__main__":
    sys.exit(main())
