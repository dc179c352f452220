"""The peak of memory while a pickle is read is bounded by a multiple of its size, whatever it consists of."""

from __future__ import annotations

import contextlib
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.model.pickledata import bounds
from server.model.pickledata.files import read
from server.model.pickledata.opcodes import read_pickle
from server.model.pickledata.records import Unknown
from tests.unit.server.model.pickledata.streams import (
    APPENDS,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    EMPTY_TUPLE,
    MARK,
    MEMOIZE,
    NEWOBJ,
    NONE,
    REDUCE,
    SETITEM,
    TUPLE,
    TUPLE1,
    TUPLE2,
    content,
    dtype,
    mapping,
    name,
    pickle_of,
    shape,
    text,
    values,
)

SIZE = 200_000
"""Bytes of each pickle."""

RECONSTRUCT = name("numpy._core.multiarray", "_reconstruct") + MEMOIZE
EMPTY_ARRAY = values(name("numpy", "ndarray"), shape(0), content(b"b")) + MEMOIZE
FIELDS = {f"f{place}": dtype("f8") + bytes([0x4B, 0]) + TUPLE2 for place in range(64)}
RECORD_STATE = values(b"K\x03", text("|"), NONE, values(*map(text, FIELDS)), mapping(**FIELDS), b"K\x08" * 3)
LONG = "a" * 70

NUMBERS = [b"M" + place.to_bytes(2, "little") for place in range(1 << 16)]

STREAMS: dict[str, tuple[bytes, bytes]] = {
    "None": (b"", NONE),
    "sets": (b"", EMPTY_SET),
    "dicts": (b"", EMPTY_DICT),
    "lists": (b"", EMPTY_LIST),
    "tuples": (b"", NONE + TUPLE1),
    "marks": (b"", MARK),
    "memo": (NONE, MEMOIZE),
    "floats": (b"", b"G" + bytes(8)),
    "integers": (b"", b"\x8a\x05\x01\x01\x01\x01\x01"),
    "short texts": (b"", text("ab")),
    "wide texts": (b"", text("a" * 251 + "\U0001f600")),
    "dicts of one key": (text("key") + MEMOIZE, EMPTY_DICT + b"h\x00h\x00" + SETITEM),
    "keys": (EMPTY_DICT + MARK + b"".join(NUMBERS[place] + NONE for place in range(50_000)), b"u"),
    "items of a set": (EMPTY_SET + MARK + b"".join(NUMBERS), b"\x90"),
    "names": (text(LONG) + MEMOIZE + text(LONG) + MEMOIZE, b"h\x00h\x01\x93"),
    "records": (name("a", "b") + MEMOIZE, b"h\x00" + EMPTY_TUPLE + NEWOBJ),
    "records with pairs": (name("a", "b") + MEMOIZE, b"h\x00" + EMPTY_TUPLE + NEWOBJ + NONE + NONE + SETITEM),
    "records with items": (name("a", "b") + MEMOIZE, b"h\x00" + EMPTY_TUPLE + NEWOBJ + NONE + b"a"),
    "scalars": (
        name("numpy._core.multiarray", "scalar") + MEMOIZE + values(dtype("U200"), content(b"a\0\0\0" * 200)) + MEMOIZE,
        b"h\x00h\x01" + REDUCE,
    ),
    "arrays of one state": (
        RECONSTRUCT
        + EMPTY_ARRAY
        + values(b"K\x01", shape(5000), dtype("f8"), b"\x89", content(bytes(40_000)))
        + MEMOIZE,
        b"h\x00h\x01Rh\x02" + BUILD,
    ),
    "empty arrays": (
        RECONSTRUCT + EMPTY_ARRAY + values(b"K\x01", shape(0), dtype("f8"), b"\x89", content(b"")) + MEMOIZE,
        b"h\x00h\x01Rh\x02" + BUILD,
    ),
    "arrays of objects": (
        RECONSTRUCT
        + EMPTY_ARRAY
        + values(*(b"K\x01", shape(3000), dtype("O8", "|"), b"\x89", EMPTY_LIST + MARK + NONE * 3000 + APPENDS))
        + MEMOIZE,
        b"h\x00h\x01Rh\x02" + BUILD,
    ),
    "dtypes of one state": (
        name("numpy", "dtype") + MEMOIZE + values(text("V8")) + MEMOIZE + RECORD_STATE + MEMOIZE,
        b"h\x00h\x01Rh\x02" + BUILD,
    ),
    "sets of one list": (
        name("builtins", "frozenset")
        + MEMOIZE
        + EMPTY_LIST
        + MARK
        + b"".join(NUMBERS[:3000])
        + APPENDS
        + TUPLE1
        + MEMOIZE,
        b"h\x00h\x01" + REDUCE,
    ),
}


def peak_of(action: Callable[[], Any]) -> int:
    """Return the peak of memory of an action, whose value is kept until then."""
    tracemalloc.start()
    try:
        with contextlib.suppress(Unknown):
            action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", STREAMS)
def test_peak_of_memory_is_bounded_by_the_size(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start, again = STREAMS[kind]
    once = len(again) == 1 and len(start) > SIZE // 2
    data = (
        pickle_of(start, again) if once else pickle_of(MARK, start, again * ((SIZE - len(start)) // len(again)), TUPLE)
    )
    for least in ("MIN_OBJECTS", "MIN_COPIED"):
        monkeypatch.setattr(bounds, least, 0)
    peak = peak_of(lambda: read_pickle(data))
    print(f"{kind}: {peak / len(data):.1f} bytes for each byte")
    assert peak < bounds.MEMORY_PER_BYTE * len(data)


def test_floor_is_the_sum_of_the_smallest_budgets() -> None:
    assert bounds.MIN_OBJECTS * 250 + bounds.MIN_OPCODES * 64 + bounds.MIN_COPIED <= bounds.MEMORY_FLOOR


def test_compressed_file_counts_as_a_multiple_of_its_size(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(lzma.compress(pickle_of(MARK, EMPTY_SET * 10_000_000, TUPLE)))
    size = path.stat().st_size
    counted = bounds.COUNTED_PER_STORED * size
    peak = peak_of(lambda: read(path))
    print(f"{size} bytes: {peak >> 20} MiB")
    assert peak < bounds.MEMORY_FLOOR + bounds.MEMORY_PER_BYTE * counted + bounds.MIN_INFLATED * 2
