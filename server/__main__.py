"""`python -m server --model PATH`: settings → app → run.

NumPy is imported last: its threads are limited before, and requirements.txt decides which NumPy it is.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import signal
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import structlog

from server import cpu_limit, logs, packages, settings
from server.errors import CANNOT_RUN, first_line
from server.optional_packages import left_out
from server.paths import PACKAGES
from strict_http.open_files import connections_within

SWITCH_INTERVAL = 0.0005
"""Seconds that a thread may keep the interpreter while another waits for it; Python's default is 0.005. A health check
waits for a prediction in the thread several times, so the event loop asks for its turn sooner (docs/adr/0017). The
throughput beside predictions in the thread does not change measurably."""


def main() -> int:
    # Imports create many objects and little garbage. The predictor enables the collection again after the load.
    gc.disable()
    sys.setswitchinterval(SWITCH_INTERVAL)
    options = settings.parse()
    logs.configure()
    options = within_open_files(options)
    failures: list[str] = []
    try:
        sock = socket.socket(fileno=options.fd) if options.fd >= 0 else listening(options.host, options.port)
    except (OSError, OverflowError) as error:
        where = f"descriptor {options.fd}" if options.fd >= 0 else f"{options.host}:{options.port}"
        return failed(f"cannot listen on {where}: {error}", CANNOT_RUN)
    if options.stop_with_stdin:
        threading.Thread(target=stop_with_stdin, daemon=True).start()
    cpu_limit.limit_threads(options.threads or cpu_limit.cpu_limit())
    folder = Path(options.packages) if options.packages else options.model.parent / PACKAGES
    if options.load == "data" and packages.brings_packages(options.model.parent):
        # Refused before the first of these packages could be imported.
        return failed(f"this model needs code: {packages.NEEDS_CODE}")
    use_packages(folder)
    try:
        with left_out():
            from server.app import create_app  # noqa: PLC0415 - imports NumPy, which starts its threads
            from server.http.connection import Connection, FastPathConnection  # noqa: PLC0415 - the same
    except Exception as error:  # noqa: BLE001 - a package of the model's owner may raise anything
        cause = f"cannot be imported: {type(error).__name__}: {first_line(error)}"
        if folder.is_dir():
            return failed(f"the packages of requirements.txt {cause}")
        return failed(f"the server's own packages {cause}", CANNOT_RUN)

    app = create_app(options, failures.append)
    protocol = FastPathConnection if options.fast_path else Connection
    app.run(sock=sock, protocol=protocol, single_process=True, motd=False, access_log=False)
    code = failed(failures[0]) if failures else 0
    sys.stderr.flush()
    os._exit(code)  # a normal exit would wait for a prediction or a load that still runs in its thread


def use_packages(folder: Path) -> None:
    """Import what requirements.txt brought, where there is any, and log what of it is not used."""
    ignored = packages.use(folder) if folder.is_dir() else []
    if ignored:
        structlog.get_logger().warning("requirements.txt names packages that the server has itself", ignored=ignored)


def within_open_files(options: settings.Settings) -> settings.Settings:
    """Return the settings with as many connections as the process may open, and log if these are fewer."""
    most = connections_within(options.max_connections)
    if most < options.max_connections:
        structlog.get_logger().warning(
            "fewer connections than --max-connections: raise the limit of open files (ulimit -n)",
            wanted=options.max_connections,
            connections=most,
        )
    return replace(options, max_connections=most)


BACKLOG = 1024
"""Connections that the kernel keeps while the event loop is busy."""

NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)
"""What a kernel without IPv6 answers."""


def listening(host: str, port: int) -> socket.socket:
    """Return a listening socket. An address with a colon is IPv6; `::` means every address, IPv6 and IPv4."""
    if ":" not in host:
        return socket.create_server((host, port), backlog=BACKLOG)
    host = host.strip("[]")
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        if host != "::" or error.errno not in NO_IPV6:
            raise
        return socket.create_server(("0.0.0.0", port), backlog=BACKLOG)  # noqa: S104 - every address, as asked for


def stop_with_stdin() -> None:
    """Stop when standard input ends, which the end of the parent process causes on every system.

    A standard input that cannot be read has ended.
    """
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def failed(reason: str, code: int = 1) -> int:
    logs.report_failure("cannot serve", reason)
    return code


if __name__ == "__main__":
    sys.exit(main())
