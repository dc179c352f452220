"""Whose fault the end of a program in a pod is, by its exit code. Pure.

Own fault means that the version's bytes, requirements or values are the cause: with the same ones it would fail again.
"""

from __future__ import annotations

import signal

DOWNLOAD_OWN_FAULT = 65
"""`OWN_FAULT` of server/errors.py. Every other code may be the store, the network, the node or an earlier image."""

SERVER_CANNOT_RUN = 75
"""`CANNOT_RUN` of server/errors.py."""

TAKEN_AWAY = {137, 143, -signal.SIGKILL, -signal.SIGTERM}
"""Codes of a process that someone else ended by SIGKILL or SIGTERM: in a container, and on this machine."""


def of_download(code: int) -> bool:
    """Return whether a download that ended with `code` failed by the version's own fault."""
    return code == DOWNLOAD_OWN_FAULT


def of_server(code: int) -> bool:
    """Return whether a server that ended with `code` failed by the version's own fault; also by a signal of its own."""
    return code not in {0, SERVER_CANNOT_RUN, *TAKEN_AWAY}
