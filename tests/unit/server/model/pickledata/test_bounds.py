"""Each bound of server/model/pickledata/bounds.py is reached: what is at it is read, what is beyond is unknown."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from server.model.pickledata import bounds
from server.model.pickledata.opcodes import read_pickle
from server.model.pickledata.records import Unknown, Unreadable
from tests.unit.server.model.pickledata.streams import (
    APPENDS,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    EMPTY_TUPLE,
    MARK,
    NO_PADDING,
    NONE,
    PROTO,
    SETITEM,
    STOP,
    TUPLE,
    TUPLE1,
    TUPLE2,
    array,
    call,
    content,
    dtype,
    frame,
    name,
    number,
    pickle_of,
    record_dtype,
    shape,
    text,
    values,
)


def listed(items: bytes) -> bytes:
    return pickle_of(EMPTY_LIST, MARK, items, APPENDS)


def assert_bound(inside: bytes, beyond: bytes, words: str) -> Any:
    """Raise AssertionError unless the second pickle is unknown, in these words. Returns what the first describes."""
    with pytest.raises(Unknown, match=words):
        read_pickle(beyond)
    return read_pickle(inside)


# ---- budgets of the file


def test_opcodes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_OPCODES", 10_000)
    assert_bound(listed(NONE * 9_900), listed(NONE * 10_100), "too many opcodes")


def test_opcodes_are_bounded_by_the_size_of_a_compressed_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MIN_OPCODES", 1_000)
    data = listed(NONE * 10_000)
    assert len(read_pickle(data, len(data) // bounds.COUNTED_PER_STORED)) == 10_000
    with pytest.raises(Unknown, match="too many opcodes"):
        read_pickle(data, 1_000)


def test_objects_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_OBJECTS", 1_000)
    assert_bound(listed(EMPTY_SET * 998), listed(EMPTY_SET * 999), "too many objects")


def test_objects_are_bounded_by_the_size_of_the_file() -> None:
    monkey = bounds.MIN_OBJECTS * bounds.BYTES_PER_OBJECT // (bounds.BYTES_PER_OBJECT - 1)
    assert_bound(listed(EMPTY_SET * (monkey - 10)), listed(EMPTY_SET * (monkey + 10)), "too many objects")


def test_copied_bytes_are_bounded_by_the_size_of_the_file() -> None:
    block = call("numpy._core.numeric", "_frombuffer", content(bytes(50_000)), dtype("i1"), shape(50_000), text("C"))
    again = b"h\x00h\x01R"
    start = name("numpy._core.numeric", "_frombuffer") + b"\x94"
    start += values(content(bytes(50_000)), dtype("i1"), shape(50_000), text("C")) + b"\x94" + b"R"
    copies = (bounds.MIN_COPIED + bounds.COPIED_PER_BYTE * len(start)) // 50_000
    assert read_pickle(pickle_of(block)).shape == (50_000,)
    assert_bound(
        pickle_of(MARK, start, again * (copies - 2), TUPLE), pickle_of(MARK, start, again * copies, TUPLE), "copies"
    )


@pytest.mark.parametrize(
    "start",
    [
        name("builtins", "set") + b"\x94" + EMPTY_LIST + MARK + b"K\x01" * 2000 + APPENDS + TUPLE1 + b"\x94",
        name("_codecs", "encode") + b"\x94" + values(text("a" * 60_000), text("latin1")) + b"\x94",
        name("builtins", "bytearray") + b"\x94" + values(content(b"a" * 60_000)) + b"\x94",
        name("copyreg", "__newobj__") + b"\x94" + values(name("a", "b"), NONE * 10_000) + b"\x94",
        name("numpy._core.multiarray", "scalar") + b"\x94" + values(dtype("S60000"), content(bytes(60_000))) + b"\x94",
        name("numpy._core.numeric", "_frombuffer")
        + b"\x94"
        + values(content(bytes(200_000)), dtype("b1", "|"), shape(200_000), text("C"))
        + b"\x94",
    ],
    ids=["set", "encode", "bytearray", "__newobj__", "scalar", "booleans"],
)
def test_call_that_copies_is_bounded_however_often_it_is_named(start: bytes) -> None:
    assert read_pickle(pickle_of(start, b"R")) is not None
    with pytest.raises(Unknown, match="too many copies"):
        read_pickle(pickle_of(MARK, start, b"R", b"h\x00h\x01R" * 2_000, TUPLE))


def test_stack_is_bounded() -> None:
    most = bounds.MAX_STACK
    assert_bound(pickle_of(MARK, NONE * (most - 1), TUPLE), pickle_of(MARK, NONE * (most + 200), TUPLE), "on the stack")


def test_nesting_of_lists_is_bounded_by_the_objects() -> None:
    depth = bounds.MIN_OBJECTS
    found = read_pickle(pickle_of(EMPTY_LIST * depth, b"a" * (depth - 1)))
    for _ in range(depth - 1):
        found = found[0]
    assert found == []


# ---- single values


def test_text_is_bounded() -> None:
    most = bounds.MAX_TEXT
    assert_bound(pickle_of(text("a" * most)), pickle_of(text("a" * (most + 1))), "a string of too many bytes")
    assert_bound(b"V" + b"a" * most + b"\n.", b"V" + b"a" * (most + 1) + b"\n.", "a line of too many bytes")


def test_name_is_bounded() -> None:
    most = bounds.MAX_NAME - 1
    assert_bound(pickle_of(name("a", "b" * most)), pickle_of(name("a", "b" * (most + 1))), "no short text")
    with pytest.raises(Unknown, match="too many bytes"):
        read_pickle(b"c" + b"a" * 200 + b"\nb\n.")
    with pytest.raises(Unknown, match="not ASCII"):
        read_pickle(pickle_of(name("ä", "b")))


def test_integer_is_bounded() -> None:
    most = bounds.MAX_INTEGER
    for opcode, size in ((b"\x8a", 1), (b"\x8b", 4)):
        inside = pickle_of(opcode, most.to_bytes(size, "little"), bytes(most))
        beyond = pickle_of(opcode, (most + 1).to_bytes(size, "little"), bytes(most + 1))
        assert_bound(inside, beyond, "an integer of too many bytes")


def test_digits_are_bounded() -> None:
    most = bounds.MAX_DIGITS
    for opcode in (b"I", b"L"):
        inside, beyond = (opcode + b"1" * count + b"\n." for count in (most, most + 1))
        assert assert_bound(inside, beyond, "a number of too many digits") == int("1" * most)


def test_line_is_bounded() -> None:
    most = bounds.MAX_LINE
    inside, beyond = (b"F" + b"0" * count + b"\n." for count in (most, most + 1))
    assert assert_bound(inside, beyond, "a line of too many bytes") == 0.0
    with pytest.raises(Unreadable, match="ends too early"):
        read_pickle(b"F0")


def test_memo_has_bounded_gaps() -> None:
    most = bounds.MEMO_GAP
    inside, beyond = (pickle_of(NONE, b"r", (gap).to_bytes(4, "little")) for gap in (most, most + 1))
    assert_bound(inside, beyond, "gaps in its memo")


def test_pickle_in_a_pickle_is_bounded() -> None:
    inner = pickle_of(array(dtype("O8", "|"), shape(1), EMPTY_LIST + MARK + NONE + APPENDS))
    once = frame(inner, kind=dtype("O8", "|"))
    twice = frame(pickle_of(once), kind=dtype("O8", "|"))
    assert assert_bound(pickle_of(once), pickle_of(twice), "inside another").tolist() == [None]


# ---- keys


def test_keys_are_bounded() -> None:
    def dict_of(key: bytes) -> bytes:
        return pickle_of(EMPTY_DICT, key, NONE, SETITEM)

    words = "a key that is no short plain value"
    most = bounds.MAX_KEY_TEXT
    assert_bound(dict_of(text("a" * most)), dict_of(text("a" * (most + 1))), words)
    assert_bound(dict_of(content(b"a" * most)), dict_of(content(b"a" * (most + 1))), words)
    largest = bounds.MAX_KEY_INTEGER - 1
    assert_bound(dict_of(number(largest)), dict_of(number(largest + 1)), words)
    items = bounds.MAX_KEY_ITEMS
    assert_bound(dict_of(values(NONE * items)), dict_of(values(NONE * (items + 1))), words)
    assert_bound(dict_of(values(text("a" * most))), dict_of(values(text("a" * (most + 1)))), words)
    assert_bound(dict_of(EMPTY_TUPLE), dict_of(EMPTY_TUPLE + TUPLE1), words)


def test_tuples_as_keys_are_bounded() -> None:
    most = bounds.MAX_TUPLE_KEYS
    inside, beyond = (pickle.dumps({(place, 0): None for place in range(count)}) for count in (most, most + 1))
    assert len(assert_bound(inside, beyond, "too many tuples as keys")) == most


# ---- arrays


def framed(lengths: bytes, kind: bytes, size: int) -> bytes:
    return pickle_of(frame(NO_PADDING + bytes(size), lengths=lengths, kind=kind))


def test_dimensions_are_bounded() -> None:
    most = bounds.MAX_DIMENSIONS
    inside, beyond = (framed(shape(*[1] * count), dtype("f8"), 8) for count in (most, most + 1))
    assert assert_bound(inside, beyond, "too many dimensions").ndim == most


def test_shape_is_bounded() -> None:
    most = bounds.MAX_VALUES
    inside, beyond = (framed(shape(count, 0), dtype("f8"), 0) for count in (most, most + 1))
    assert assert_bound(inside, beyond, "of this shape").shape == (most, 0)
    with pytest.raises(Unknown, match="of this shape"):
        read_pickle(framed(shape(1 << 33, 1 << 33), dtype("f8"), 8))
    with pytest.raises(Unreadable, match="ends too early"):
        read_pickle(framed(shape(1 << 39), dtype("f8"), 8))


def test_item_is_bounded() -> None:
    most = bounds.MAX_ITEM
    for code, width in (("S", 1), ("U", 4)):
        inside, beyond = (framed(shape(1), dtype(f"{code}{size // width}"), size) for size in (most, most + width))
        assert assert_bound(inside, beyond, "of this dtype").nbytes == most
    inside, beyond = (framed(shape(1), record_dtype(dtype("i1"), 0, size), size) for size in (most, most + 1))
    assert assert_bound(inside, beyond, "of this dtype").nbytes == most


def test_fields_are_bounded() -> None:
    most = bounds.MAX_FIELDS
    inside, beyond = (np.zeros(1, [(f"f{place}", "i1") for place in range(count)]) for count in (most, most + 1))
    assert_bound(pickle.dumps(inside), pickle.dumps(beyond), "of this dtype")


@pytest.mark.parametrize("offset", [-1, 1, 1 << 40])
def test_field_outside_of_its_item_is_unknown(offset: int) -> None:
    assert read_pickle(framed(shape(1), record_dtype(dtype("f8"), 0, 8), 8)).dtype.names == ("field",)
    with pytest.raises(Unknown, match="of this dtype"):
        read_pickle(framed(shape(1), record_dtype(dtype("f8"), offset, 8), 8))


def test_small_arrays_are_copied_up_to_the_bound() -> None:
    small, large = (aligned(size) for size in (bounds.MAX_COPIED, bounds.MAX_COPIED + 1))
    assert small.flags.writeable
    assert not large.flags.writeable


def test_array_that_is_not_aligned_is_copied() -> None:
    found = aligned(bounds.MAX_COPIED + 1, by=1)
    assert found.flags.writeable
    assert not found.ctypes.data % bounds.ALIGNMENT


def aligned(size: int, by: int = 0) -> Any:
    """Return an array that was read from this place beyond a multiple of the alignment."""
    for padding in range(bounds.ALIGNMENT):
        tail = bytes([padding]) + bytes(padding)
        data = pickle_of(frame(tail + bytes(size), lengths=shape(size), kind=dtype("i1")))
        place = np.frombuffer(data, np.int8).ctypes.data + len(data) - len(STOP) - size
        if place % bounds.ALIGNMENT == by:
            return read_pickle(data)
    raise AssertionError


def test_bytes_that_are_no_booleans_or_characters_are_unknown() -> None:
    assert read_pickle(PROTO + array(dtype("b1", "|"), shape(2), content(b"\0\1")) + STOP).tolist() == [False, True]
    for kind, data in ((dtype("b1", "|"), b"\2"), (dtype("U1"), b"\0\0\x11\0"), (dtype("U1", ">"), b"\0\x11\0\0")):
        with pytest.raises(Unknown, match="bytes that are no values"):
            read_pickle(PROTO + array(kind, shape(1), content(data)) + STOP)
        with pytest.raises(Unknown, match="bytes that are no values"):
            read_pickle(pickle_of(name("numpy._core.multiarray", "scalar"), kind, content(data), TUPLE2, b"R"))
