"""Change real model files at random, in a process of its own, and report what became of them.

    python -m tests.unit.server.model.pickledata.fuzzed FOLDER SEED BYTES STATES

FOLDER has pairs of `NAME.joblib` and `NAME.rows`, a pickle of rows that the model takes. BYTES files are changed in
their bytes, and STATES in the values that were read from them. The seed decides all changes.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import pickle
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from server.model.families.base import Part, Unsuited
from server.model.families.registry import part_of
from server.model.pickledata.files import read
from server.model.pickledata.records import Record, Unknown, Unreadable, name_of
from tests.unit.server.model.pickledata.audited import Audit, limit, peak

MAX_WIDTH = 1_000
"""Columns of the rows that are made for a model whose width was changed."""

FOR_ARRAYS = 0.7
"""The share of changes that are made to arrays: parameters are many, and change few answers."""

NUMBERS: tuple[Any, ...] = (None, True, 0, -1, 2, 1 << 40, 0.5, -0.0, float("nan"), float("inf"), "", "x", b"")
CONTAINERS: tuple[Callable[[], Any], ...] = (list, dict, tuple, set, lambda: [None], lambda: {"x": None})
ARRAYS: tuple[Callable[[Any], Any], ...] = (
    *(lambda a: a[:-1], lambda a: a[:0], lambda a: a[1:], lambda a: np.concatenate([a, a]), lambda a: a[None]),
    *(lambda a: a.T, lambda a: a.reshape(-1), lambda a: a[::2], lambda a: a[..., :1], lambda a: np.asfortranarray(a)),
    *(
        lambda a: a.astype(np.float32),
        lambda a: a.astype(np.int64),
        lambda a: a.astype(object),
        lambda a: a.astype("U"),
    ),
    *(lambda a: -a, lambda a: a * 10**6, lambda a: a.tolist(), lambda a: a.astype(bool), lambda a: a.astype(">f8")),
)
ITEMS: tuple[Any, ...] = (0, -1, 1, 7, 10**6, -(10**6), 2**31 - 1, 2**62, float("nan"), float("inf"), 1e300, None, "x")


@dataclass(slots=True)
class Fuzzer:
    """The models, and what became of their changed files."""

    folder: Path
    rng: random.Random
    audit: Audit
    tally: Counter[str]
    failures: dict[str, str]
    """By the place of the failure: how it came about."""
    refusals: dict[str, str]
    """The same of each ValueError."""
    events: list[str]
    slowest: float = 0.0

    def change_bytes(self, name: str, data: bytes, rows: Any) -> None:
        """Change bytes of a file, then read, build and ask it."""
        path = self.folder / f"{self.rng.getrandbits(64)}.fuzzed"  # an earlier file may still be mapped
        path.write_bytes(with_changed_bytes(self.rng, data))
        self.attempt(name, path, lambda: read(path), rows)
        path.unlink()

    def change_state(self, name: str, record: Any, rows: Any) -> None:
        """Change one value of what was read from a file, then build and ask it."""
        changed = copy.deepcopy(record)
        places = list(places_in(changed))
        try:
            for _ in range(self.rng.choice((1, 1, 2))):
                arrays = [place for place in places if type(place[0][place[1]]) is np.ndarray]
                container, key = self.rng.choice(arrays if arrays and self.rng.random() < FOR_ARRAYS else places)
                change(self.rng, container, key, places)
        except (ArithmeticError, LookupError, TypeError, ValueError):  # no such change of this value
            return
        self.attempt(f"{name}, {key}", None, lambda: changed, rows)

    def attempt(self, name: str, path: Path | None, make: Callable[[], Any], rows: Any) -> None:
        """Read, build and ask. Only `Unreadable`, `Unknown` and, when it is asked, `ValueError` are expected."""
        start = time.process_time()
        try:
            with self.audit.of(path or Path()) as events:
                found = self.outcome(make, rows)
        except Exception as error:  # noqa: BLE001 - all are reported
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/server/" in frame.filename]
            place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "elsewhere"
            kind = self.refusals if type(error) is ValueError else self.failures
            kind.setdefault(f"{place} {type(error).__name__}", f"{name}: {str(error)[:100]}")
            found = "ValueError" if type(error) is ValueError else "failed"
        self.slowest = max(self.slowest, time.process_time() - start)
        self.tally[found] += 1
        self.events += [f"{name}: {event}" for event in events]

    def outcome(self, make: Callable[[], Any], rows: Any) -> str:
        """Return how far a changed model comes."""
        try:
            part = part_of(make())
        except Unreadable:
            return "unreadable"
        except Unknown:
            return "unknown"
        return ask(part, rows)


def ask(part: Part, rows: Any) -> str:
    """Call all methods of a part, with rows of its width."""
    if part.width is not None and part.width != rows.shape[1]:
        if part.width > MAX_WIDTH:
            return "too wide to ask"
        rows = np.random.default_rng(0).normal(size=(4, part.width))
    for call in part.methods.values():
        call(rows.copy() if isinstance(rows, np.ndarray) else rows)
    if isinstance(rows, np.ndarray) and rows.dtype == np.float64 and np.isfinite(rows).all():
        for call in part.direct.values():
            with contextlib.suppress(Unsuited):
                call(np.ascontiguousarray(rows))
    return "answered"


# ---- changes


def with_changed_bytes(rng: random.Random, data: bytes) -> bytes:
    """Return the file with some bytes replaced, removed, doubled or cut off."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        kind, at = rng.random(), rng.randrange(len(made))
        if kind < 0.55:
            made[at] = rng.randrange(256)
        elif kind < 0.7:
            del made[at : at + rng.randrange(1, 9)]
        elif kind < 0.8:
            made[at:at] = made[at : at + rng.randrange(1, 30)]
        elif kind < 0.98:
            word = rng.choice((2**63 - 1, 0, 2**64 - 1, 2**31, 0x7FF8 << 48, 1, 100))
            made[at : at + 8] = word.to_bytes(8, "little")
        else:
            del made[at:]
        made = made or bytearray(1)
    return bytes(made)


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container inside of a value, with each key."""
    if type(value) is Record:
        yield from places_in(value.state)
    elif type(value) is dict:
        for key, item in value.items():
            yield value, key
            yield from places_in(item)
    elif type(value) is list or (type(value) is np.ndarray and value.dtype == object and value.ndim):
        for key, item in itertools.islice(enumerate(value), 20):
            yield value, key
            yield from places_in(item)
    elif type(value) is tuple:
        for item in value:
            yield from places_in(item)


def change(rng: random.Random, container: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    """Replace, spoil or remove one value."""
    value, kind = container[key], rng.random()
    if kind < 0.1 and type(container) is dict:
        del container[key]
    elif kind < 0.2:
        other, place = rng.choice(places)
        container[key] = other[place]
    elif type(value) is np.ndarray and value.size and kind < 0.6:
        container[key] = rng.choice(ARRAYS)(value)
    elif type(value) is np.ndarray and value.size and kind < 0.9:
        container[key] = with_changed_item(rng, value)
    elif kind < 0.7:
        container[key] = rng.choice(CONTAINERS)()
    else:
        container[key] = rng.choice(NUMBERS)


def with_changed_item(rng: random.Random, array: Any) -> Any:
    """Return the array with another number in one place, or in one field of it."""
    made = array.copy()
    where = np.unravel_index(rng.randrange(array.size), array.shape)
    target = made[rng.choice(made.dtype.names)] if made.dtype.names else made
    target[where] = rng.choice(ITEMS)
    return made


def main(folder: Path, seed: int, of_bytes: int, of_states: int) -> dict[str, Any]:
    """Return the report."""
    limit()
    np.random.default_rng(0)  # imported at its first use
    fuzzer = Fuzzer(folder, random.Random(seed), Audit(), Counter(), {}, {}, [])
    models, known = [], []
    with np.errstate(all="ignore"):
        for path in sorted(folder.glob("*.joblib")):
            rows, record = pickle.loads(path.with_suffix(".rows").read_bytes()), read(path)
            try:
                assert ask(part_of(record), rows) == "answered", path  # compiled files are loaded now
            except Unknown:
                continue
            models.append((path.stem, path.read_bytes(), record, rows))
            known.append(name_of(record))
        before = peak()
        for _ in range(of_bytes):
            name, data, _, rows = fuzzer.rng.choice(models)
            fuzzer.change_bytes(name, data, rows)
        for _ in range(of_states):
            name, _, record, rows = fuzzer.rng.choice(models)
            fuzzer.change_state(name, record, rows)
    found = {"tally": fuzzer.tally, "failures": fuzzer.failures, "refusals": fuzzer.refusals, "events": fuzzer.events}
    return {**found, "known": known, "slowest": fuzzer.slowest, "peak": peak() - before}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
