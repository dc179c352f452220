"""How much disk a download may use. What does not fit is refused in words, before its bytes come.

The kubelet evicts a pod that is above its limit. A model that is too large would be downloaded again and again, and
nothing would say why.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from server.download.files import explained
from server.errors import ModelError, VersionError

QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)(k|[MGT]|[KMGT]i)?")
UNITS = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
POD_LIMIT = "deployment.resources.limits.ephemeral-storage in values.yaml"
VOLUME_LIMIT = "deployment.volumeLimits.{}, which the operator sets"


@dataclass(frozen=True, slots=True)
class Room:
    """The bytes that a file may have, and in words what limits them."""

    size: int
    limit: str
    error: type[ModelError] = VersionError
    """Whose fault it is if a file does not fit."""

    def check(self, source: str, size: int, more_than: str = "") -> None:
        """Raise `error` if a file of `size` bytes does not fit."""
        if size > self.size:
            raise self.error(f"{source} is {more_than}{readable(size, math.ceil)}, but {self.limit}")

    def limited(self, source: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks of a file that may be larger than it was announced. Raise `error` if it does not fit."""
        total = 0
        for chunk in chunks:
            total += len(chunk)
            self.check(source, total, more_than="more than ")
            yield chunk


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of a model's folder. Limits are in bytes; None: there is no limit."""

    folder: Path
    pod_limit: int | None = None
    """Of the whole pod: its volumes, and logs."""
    volume_limit: int | None = None
    volume: str = "model"
    """The volume of the folder, as the chart names it."""

    def room(self) -> Room:
        """Return the room for a model in the folder, which holds nothing yet."""
        with explained(self.folder, "written"):
            found = os.statvfs(self.folder)
        free = found.f_bavail * found.f_frsize
        only_free = f"only {readable(free)} are free on the disk of {self.folder}: make room there"
        rooms = [Room(free, only_free, ModelError)]
        if self.pod_limit is not None:
            allowed = f"this pod may use {readable(self.pod_limit)} of disk"
            rooms.append(Room(self.pod_limit, f"{allowed}: raise {POD_LIMIT}"))
        if self.volume_limit is not None:
            allowed = f"the volume '{self.volume}' may hold {readable(self.volume_limit)}"
            rooms.append(Room(self.volume_limit, f"{allowed}: raise {VOLUME_LIMIT.format(self.volume)}"))
        return min(rooms, key=lambda room: room.size)

    def check_use(self, *others: Path) -> None:
        """Raise VersionError if the folder, or it and the pod's other folders, are above a limit."""
        in_folder = used(self.folder) if self.pod_limit is not None or self.volume_limit is not None else 0
        if self.volume_limit is not None and in_folder > self.volume_limit:
            volume = f"{readable(self.volume_limit)} of the volume '{self.volume}'"
            raise VersionError(above(volume, VOLUME_LIMIT.format(self.volume)))
        if self.pod_limit is not None and in_folder + sum(map(used, others)) > self.pod_limit:
            raise VersionError(above(f"{readable(self.pod_limit)} of disk that this pod may use", POD_LIMIT))


def above(limit: str, setting: str) -> str:
    return f"the model and its packages need more than the {limit}: raise {setting}, or name fewer packages"


def used(folder: Path) -> int:
    """Return the bytes of disk below a folder, as the kubelet counts them. Files may vanish meanwhile."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512  # noqa: PTH118 - ten thousands of files
            except FileNotFoundError:
                continue
    return total


def parse_limit(text: str) -> int | None:
    """Return the bytes of a quantity such as `1073741824` or `1.5Gi`; None for no limit: "", or 0 as in Kubernetes.

    Raises:
        ModelError: it is not a quantity.

    """
    if not text:
        return None
    found = QUANTITY.fullmatch(text)
    if not found:
        raise ModelError("a limit of disk is malformed: expected bytes, or a quantity such as 500Mi or 2Gi")
    return int(Decimal(found[1]) * UNITS.get(found[2], 1)) or None


def readable(size: int, rounded: Callable[[float], int] = math.floor) -> str:
    """Return bytes for people. A need is rounded up and a limit down, so that the two always differ."""
    for unit in ("Ti", "Gi", "Mi", "Ki"):
        if size >= UNITS[unit]:
            return f"{rounded(size * 10 / UNITS[unit]) / 10:g} {unit}B"
    return f"{size} bytes"
