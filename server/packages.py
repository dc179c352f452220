"""The packages that requirements.txt brought: which modules the process imports from them (docs/adr/0013).

They win over the image's, except for the modules that the server itself runs on. They are put on the import path before
NumPy is imported: a module that is imported once stays.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from server.paths import PACKAGES, REQUIREMENTS

OWN = frozenset(
    {
        *("aiofiles", "html5tagger", "httptools", "multidict", "orjson", "prometheus_client", "sanic", "sanic_ext"),
        *("sanic_routing", "structlog", "tracerite", "typing_extensions", "ujson", "uvloop", "websockets"),
    }
)
"""The modules that the serving process needs in its own version. Sanic loads sanic_ext wherever it finds one."""


NEEDS_CODE = f"its {REQUIREMENTS} brings packages"
"""Why a model is not read as data."""


def brings_packages(folder: Path) -> bool:
    """Return whether packages belong to the model of this folder: installed ones, or a file that names them."""
    return (folder / PACKAGES).is_dir() or (folder / REQUIREMENTS).is_file()


class OwnModules(MetaPathFinder):
    """Finds the modules of OWN where the server has them, whatever is on the import path."""

    def __init__(self, path: Sequence[str]) -> None:
        self._path = list(path)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Override: return where the server has the module; None for all others, which the next finder looks for."""
        if path is not None or fullname not in OWN:
            return None
        spec = PathFinder.find_spec(fullname, self._path, target)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return spec


def use(folder: Path) -> list[str]:
    """Import from this folder before the environment, but after the standard library.

    Old backports of the standard library (typing, enum34, pathlib) would break it. Return the packages of the folder
    that are not used because the server has its own version: "orjson 3.6.0 (the server's is 3.13.0)".
    """
    ignored = _ignored(folder)
    sys.meta_path.insert(0, OwnModules(sys.path))
    environment = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    place = next((index for index, entry in enumerate(sys.path) if entry in environment), len(sys.path))
    sys.path.insert(place, str(folder))
    return ignored


def _ignored(folder: Path) -> list[str]:
    import importlib.metadata  # noqa: PLC0415 - most models bring no packages

    found = []
    for distribution in importlib.metadata.distributions(path=[str(folder)]):
        # An installation that was cut off leaves a folder without metadata, and so without a name.
        name = re.sub(r"[-_.]+", "_", distribution.name or "").lower()
        own = _own_version(name) if name in OWN else None
        if own and own != distribution.version:
            found.append(f"{name} {distribution.version} (the server's is {own})")
    return sorted(found)


def _own_version(name: str) -> str | None:
    import importlib.metadata  # noqa: PLC0415 - as above

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
