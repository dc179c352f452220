"""List what a model file would import if it were loaded as code: `python -m server.scan FILE`.

The file is read as data: nothing that it names is imported or run. The list is no verdict. Who decides by it is
`--code-allow` (docs/adr/0035), and only `--load data` is a boundary.
"""

from __future__ import annotations

import argparse
import json
import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from server.errors import ModelError
from server.text import clean

SKOPS = (
    "skops wrote it, which has no pickle: skops.io.get_untrusted_types(file=...) lists the names that it does not trust"
)

UNREADABLE, NOT_KNOWN, DANGEROUS = 1, 5, 6
"""Exit codes; 0 if the file was read to its end and names known classes alone. 2 to 4 have other meanings
(CONTRIBUTING.md)."""

CODE_IN_THE_FILE = frozenset({"cloudpickle", "dill"})
"""Their files contain the code of classes and functions."""


class Kind(StrEnum):
    """What a name belongs to; the worst first."""

    DANGEROUS = "dangerous"
    """The standard library beyond plain values: it reaches files, processes and the network."""
    OWN = "own"
    """Somebody's own code, or a package that is no usual one."""
    LIBRARY = "library"
    """A usual library, but none of the classes that models are made of."""
    KNOWN = "known"
    """On the list `known` of `--code-allow`."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a file names, by full name, the worst first."""

    names: tuple[tuple[str, Kind], ...]
    stopped: str = ""
    """Why the file was not read to its end, so that it may name more; "" if it was."""

    @property
    def exit_code(self) -> int:
        """Return the exit code of the worst that was found."""
        kinds = {kind for _, kind in self.names}
        if Kind.DANGEROUS in kinds:
            return DANGEROUS
        return NOT_KNOWN if self.stopped or kinds - {Kind.KNOWN} else 0


def scan(path: Path) -> Scan:
    """Return what the file names.

    Raises:
        ModelError: it is damaged or no model file, and names nothing before that place.
        OSError: it cannot be read.

    """
    from server.model.loader import is_skops  # noqa: PLC0415 - imports NumPy, which may be missing
    from server.model.pickledata.files import names_in  # noqa: PLC0415 - as above

    by_skops = is_skops(path)
    try:
        names, stopped = names_in(path)
    except ModelError:
        if not by_skops:
            raise
        names, stopped = [], ""
    if by_skops:
        stopped = SKOPS
    order = list(Kind)
    kinds = {name: kind_of(name) for name in names}
    return Scan(tuple(sorted(kinds.items(), key=lambda item: (order.index(item[1]), item[0]))), stopped)


def kind_of(name: str) -> Kind:
    """Return what the full name of a class or a function belongs to."""
    from server.model.known_names import known_names  # noqa: PLC0415 - as above
    from server.model.load_failure import PYPI  # noqa: PLC0415 - as above

    if name in known_names():
        return Kind.KNOWN
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or _is_of_python_2(name):
        return Kind.DANGEROUS
    return Kind.LIBRARY if top in {"joblib", *PYPI} - CODE_IN_THE_FILE else Kind.OWN


def _is_of_python_2(name: str) -> bool:
    """Return whether pickles of old protocols mean the standard library by this name."""
    module, _, short = name.rpartition(".")
    return module in IMPORT_MAPPING or (module, short) in NAME_MAPPING


def lines(found: Scan) -> Iterator[str]:
    """Yield the lines for people."""
    yield from (f"{kind:9}  {clean(name)}" for name, kind in found.names)
    if found.stopped:
        yield f"note       it was not read to its end, and may name more: {clean(found.stopped)}"
    if not found.names and not found.stopped:
        yield "note       it names no class and no function"


def facts(found: Scan) -> dict[str, Any]:
    """Return the result for programs."""
    names = [{"name": name, "kind": kind} for name, kind in found.names]
    return {"names": names, "read_to_end": not found.stopped, "stopped": found.stopped}


def main(arguments: list[str] | None = None) -> int:
    """Print what the file names. Return an exit code."""
    parser = argparse.ArgumentParser(prog="kubeserve scan", description="List what a model file would import.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--output", choices=("text", "json"), default="text", help="for people, or JSON")
    given = parser.parse_args(arguments)
    try:
        found = scan(given.file)
    except ModuleNotFoundError as error:
        return failed(f"the packages of the server are not installed: pip install 'kubeserve[server]' ({error})", given)
    except ModelError as error:
        return failed(str(error), given)
    except OSError as error:
        return failed(f"{given.file}: {error.strerror or type(error).__name__}", given)
    if given.output == "json":
        sys.stdout.write(json.dumps(facts(found)) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(found))
    return found.exit_code


def failed(reason: str, given: argparse.Namespace) -> int:
    """Print why the file cannot be read."""
    if given.output == "json":
        sys.stdout.write(json.dumps({"error": clean(reason)}) + "\n")
    else:
        sys.stderr.write(f"cannot be scanned: {clean(reason)}\n")
    return UNREADABLE


if __name__ == "__main__":
    sys.exit(main())
