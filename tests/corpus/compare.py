"""Read the files of one version as data and compare their answers: `python -m tests.corpus.compare FOLDER [NAME …]`.

It prints one JSON document: a list of `Compared`. With a name it prints each difference of the files whose names
contain it. No package of the models is imported, which the test checks by the last line.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from server.inputs.named_table import NamedTable
from server.model.families.base import Part
from server.model.families.registry import part_of
from server.model.families.sparse_rows import SparseRows
from server.model.pickledata.files import read
from server.model.pickledata.records import Unknown
from tests.corpus.inputs import KEPT_OF_MANY, MANY_ROWS

PACKAGES = ("sklearn", "scipy", "joblib", "pandas")


@dataclass
class Compared:
    """How one file compares with its version's own answers."""

    name: str
    group: str
    unknown: str = ""
    """Why it is not known as data; "" if it is."""
    answers: int = 0
    """Compared."""
    equal: int = 0
    """Of these, with equal bits, or with the same error."""
    worst: float = 0.0
    """Of numbers that are not equal, the greatest difference relative to the greatest number of the same row."""
    different: list[str] = field(default_factory=list)
    """In words, each answer that differs by more than numbers: another error, class, dtype, shape, NaN elsewhere."""


def main(folder: Path, wanted: list[str]) -> None:
    """Print the comparison of all files, or of those whose names contain a word."""
    index = json.loads((folder / "INDEX.json").read_text())["models"]
    inputs = pickle.loads((folder / "inputs.pickle").read_bytes())
    chosen = {name: entry for name, entry in index.items() if not wanted or any(word in name for word in wanted)}
    found = [compared(folder, name, entry, inputs[entry["kind"]]) for name, entry in chosen.items()]
    print(json.dumps([asdict(each) for each in found], indent=1 if wanted else None))
    print(json.dumps(packages_imported()))


def packages_imported() -> list[str]:
    """Return the modules of `PACKAGES` that are written in Python: compiled ones are loaded alone, without these."""
    files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
    return [name for name, file in files.items() if name.partition(".")[0] in PACKAGES and file.endswith(".py")]


def compared(folder: Path, name: str, entry: Mapping[str, str], inputs: Mapping[str, Any]) -> Compared:
    """Compare one file's answers to all inputs."""
    result = Compared(name, entry["group"])
    try:
        part = part_of(read(folder / entry["file"]))
    except Unknown as error:
        result.unknown = str(error)
        return result
    except Exception as error:  # noqa: BLE001 - the version itself reads the file
        result.different.append(f"cannot be read: {type(error).__name__}: {error}"[:400])
        return result
    expected = answers(folder / entry["answers"])
    if missing := {method for method, _ in expected} ^ set(part.methods):
        result.different.append(f"has not the same methods: {', '.join(sorted(missing))}")
    for (method, which), answer in expected.items():
        if method in part.methods:
            _record(result, f"{method}, {which}", answer, outcome(part, method, inputs[which], which))
    return result


@cache
def answers(path: Path) -> Mapping[tuple[str, str], Any]:
    """Return the stored answers, which several files may share."""
    return pickle.loads(path.read_bytes())  # type: ignore[no-any-return]


def outcome(part: Part, method: str, X: Any, which: str) -> Any:
    """Return what the part answers, in the form of the stored answers."""
    if isinstance(X, dict):
        X = NamedTable(tuple(X), list(X.values()))
    try:
        with np.errstate(all="ignore"):
            found = part.methods[method](X)
    except Exception as error:  # noqa: BLE001 - every refusal is compared
        return ("error", type(error).__name__, (str(error).splitlines() or [""])[0])
    kept = slice(None, None, KEPT_OF_MANY if which == f"{MANY_ROWS} rows" else 1)
    found = found.toarray() if isinstance(found, SparseRows) else found
    return [each[kept] for each in found] if isinstance(found, list) else found[kept]


def _record(result: Compared, where: str, expected: Any, found: Any) -> None:
    result.answers += 1
    words, worst = difference(expected, found)
    result.worst = max(result.worst, worst)
    if words:
        result.different.append(f"{where}: {words}"[:400])
    elif not worst:
        result.equal += 1


def difference(expected: Any, found: Any) -> tuple[str, float]:
    """Return ("", 0.0) if equal, ("", how far) if only numbers differ, and else (what differs, 0.0)."""
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        parts = [difference(*pair) for pair in zip(expected, found, strict=True)]
        return next((words for words, _ in parts if words), ""), max(worst for _, worst in parts)
    if not (isinstance(expected, np.ndarray) and isinstance(found, np.ndarray)):
        same = type(expected) is type(found) and expected == found
        return ("" if same else f"expected {_shown(expected)}, got {_shown(found)}"), 0.0
    if expected.dtype != found.dtype or expected.shape != found.shape:
        return f"expected {expected.dtype}{expected.shape}, got {found.dtype}{found.shape}", 0.0
    if expected.dtype.kind != "f":
        odd = sum(map(_is_other, expected.ravel().tolist(), found.ravel().tolist()))
        return (f"{odd} of {expected.size} values are others" if odd else ""), 0.0
    return _difference_of_numbers(expected, found)


def _is_other(expected: Any, found: Any) -> bool:
    both_nan = expected != expected and found != found  # noqa: PLR0124 - NaN
    return type(expected) is not type(found) or (expected != found and not both_nan)


def _difference_of_numbers(expected: Any, found: Any) -> tuple[str, float]:
    finite = np.isfinite(expected)
    if not np.array_equal(np.where(finite, 0.0, expected), np.where(np.isfinite(found), 0.0, found), equal_nan=True):
        return "NaN or infinity elsewhere", 0.0
    bits = f"u{expected.itemsize}"
    odd = finite & (np.ascontiguousarray(expected).view(bits) != np.ascontiguousarray(found).view(bits))
    if not odd.any():
        return "", 0.0
    axes = tuple(range(1, expected.ndim))
    with np.errstate(all="ignore"):
        scale = np.abs(np.where(finite, expected, 0.0)).max(axis=axes, keepdims=True)
        far = np.abs(expected / 2 - found / 2)[odd] / (np.broadcast_to(scale, expected.shape)[odd] / 2)
    # Where every number of a row is zero, or one is nearly the greatest float, another number is another answer.
    return ("", float(max(far.max(), 5e-324))) if np.isfinite(far).all() else ("another number than zero", 0.0)


def _shown(value: Any) -> str:
    return " ".join(map(str, value[1:])) if isinstance(value, tuple) else f"{type(value).__name__}{np.shape(value)}"


def printed(output: str) -> Iterator[Compared]:
    """Yield what `main` printed, all but its last line.

    Raises:
        AssertionError: a package of the models was imported.

    """
    document, packages = output.rstrip("\n").rsplit("\n", 1)
    assert packages == "[]", f"imported: {packages[:600]}"
    for each in json.loads(document):
        yield Compared(**each)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
