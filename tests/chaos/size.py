"""What a process holds: memory, threads, open files."""

from __future__ import annotations

import re
from pathlib import Path


class Size:
    """The size of a process at this moment."""

    def __init__(self, pid: int) -> None:
        status = Path(f"/proc/{pid}/status").read_text()
        self.mib = int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
        self.threads = int(re.findall(r"Threads:\s+(\d+)", status)[0])
        self.descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))

    def __str__(self) -> str:
        return f"{self.mib:.0f} MiB, {self.threads} threads, {self.descriptors} descriptors"
