"""`python -m server --model PATH`: settings → app → run. Nothing heavy is imported before the threads are limited."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading

from server import cpu_limit, logs, settings, thread_limits


def main() -> int:
    # Imports make many objects and little garbage. The predictor switches it on again when the model is there.
    gc.disable()
    options = settings.read()
    logs.configure()
    failures: list[str] = []
    try:
        sock = listening(options.host, options.port)
    except (OSError, OverflowError) as error:
        return failed(f"cannot listen on {options.host}:{options.port}: {error}")
    if options.stop_with_stdin:
        threading.Thread(target=stop_with_stdin, daemon=True).start()
    thread_limits.limit_threads(options.threads or cpu_limit.cpu_limit())
    from server.app import create_app  # noqa: PLC0415 - imports NumPy, which starts its threads
    from server.http.connection import Connection  # noqa: PLC0415 - the same

    app = create_app(options, failures.append)
    app.run(sock=sock, protocol=Connection, single_process=True, motd=False, access_log=False)
    code = failed(failures[0]) if failures else 0
    sys.stderr.flush()
    os._exit(code)  # a prediction or a load still running in its thread would hold a normal exit up


def listening(host: str, port: int) -> socket.socket:
    """An address with a colon is one of IPv6; `::` means every address, those of IPv4 too."""
    if ":" not in host:
        return socket.create_server((host, port), backlog=1024)
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=socket.AF_INET6, backlog=1024, dualstack_ipv6=both)


def stop_with_stdin() -> None:
    """End with the parent: its death closes our standard input, on every system. One that cannot be read has ended."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def failed(reason: str) -> int:
    logs.failed(reason)
    return 1


if __name__ == "__main__":
    sys.exit(main())
