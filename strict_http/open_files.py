"""How many connections the process may open: each is a file, and an accept without a free one fails for all."""

from __future__ import annotations

import resource

from strict_http.limits import RESERVE

OTHERS = 128
"""Files that are not connections: libraries, logs, the model, and connections between their end and their close."""


def connections_within(wanted: int) -> int:
    """Raise the process's limit of open files for so many connections, and return how many there is room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + RESERVE + OTHERS
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return max(1, min(wanted, needed - RESERVE - OTHERS))
