"""Read, build and ask model files in a process of its own, and report everything that Python did for them.

    python -m tests.unit.server.model.pickledata.audited FILE …

prints JSON: for each file its outcome, the audit events, and the CPU seconds, and the peak of memory for all.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from server.model.families.registry import KNOWN, part_of
from server.model.pickledata.files import read
from server.model.pickledata.records import Unknown, Unreadable

ADDRESS_SPACE = 3 << 30
"""Bytes. Beyond it an allocation fails."""
CPU_SECONDS = 120
"""Seconds. The process is killed beyond."""

HARMLESS = {"mmap.__new__", "object.__getattr__", "builtins.id"}
"""Events of reading a file that need no look."""


class Audit:
    """What Python reports while files are read. A hook cannot be removed, so there is one for the process."""

    def __init__(self) -> None:
        self._path: str | None = None
        self._events: list[str] = []
        sys.addaudithook(self._receive)

    def _receive(self, event: str, args: tuple[Any, ...]) -> None:
        if self._path is None or event in HARMLESS or (event == "open" and str(args[0]) == self._path):
            return
        self._events.append(f"{event} {str(args)[:100]}")

    @contextmanager
    def of(self, path: Path) -> Iterator[list[str]]:
        """Record the events of a block of code, but for the opening of this file."""
        self._events = []
        self._path = str(path)
        try:
            yield self._events
        finally:
            self._path = None


def limit() -> None:
    """Bound what this process may use."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    warnings.simplefilter("ignore")
    for module in ("zlib", "bz2", "lzma"):  # the closed list of decompressors is imported at first use
        __import__(module)
    assert len(KNOWN)  # and so are the modules of families


def peak() -> int:
    """Return the most memory that this process has used, in bytes. `ru_maxrss` would have the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def outcome(path: Path) -> str:
    """Return how far a file came: unreadable, unknown, or built. Any other error is the process's end."""
    try:
        value = read(path)
    except Unreadable as error:
        return f"unreadable: {error}"
    except Unknown as error:
        return f"not read: {error}"
    try:
        part_of(value)
    except Unknown as error:
        return f"not built: {error}"
    return "built"


def main(paths: list[Path]) -> dict[str, Any]:
    """Return the report on these files."""
    limit()
    audit = Audit()
    before = peak()
    files: dict[str, Any] = {}
    with np.errstate(all="ignore"):
        for path in paths:
            start = time.process_time()
            with audit.of(path) as events:
                found = outcome(path)
            files[path.name] = {"outcome": found, "events": events, "seconds": time.process_time() - start}
    return {"files": files, "peak": peak() - before, "trace": [path.name for path in Path().iterdir()]}


if __name__ == "__main__":
    print(json.dumps(main([Path(each) for each in sys.argv[1:]])))
