from __future__ import annotations

import io
import pickle
import pickletools
from collections import OrderedDict
from functools import partial
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from server.model.pickledata.machine import (
    BINGET,
    BININT,
    BININT1,
    BININT2,
    LONG_BINGET,
    MEMOIZE,
    NONE,
    SHORT_BINUNICODE,
    STOP,
)
from server.model.pickledata.opcodes import HANDLERS, read_pickle
from server.model.pickledata.records import Name, Record, Unknown, Unreadable
from tests.unit.server.model.pickledata.agreement import assert_agree


def objects(items: list[Any]) -> Any:
    made = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        made[place] = item
    return made


TEXTS = st.text(st.characters(codec="utf-8")) | st.sampled_from(["\ud800", "a\nb", "\\u0041", "\x1a\0"])
NUMBERS = st.integers(-(1 << 120), 1 << 120) | st.floats()
KEYS = TEXTS | st.integers(-(1 << 40), 1 << 40) | st.booleans() | st.none() | st.binary(max_size=300)
DTYPES = (
    st.sampled_from(["?", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "S3", "U4"])
    | st.sampled_from([">i4", ">f8", ">U2"])
    | st.just([("node", "<i8"), ("value", "<f8"), ("flag", "u1")])
)
ARRAYS = DTYPES.flatmap(
    lambda code: npst.arrays(code, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
PLAIN = TEXTS | NUMBERS | KEYS | st.binary().map(bytearray) | ARRAYS
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.sets(KEYS)
        | st.frozensets(KEYS)
        | st.lists(inner, max_size=3).map(objects)
    ),
    max_leaves=12,
)


@given(value=VALUES, protocol=st.integers(0, 5), fortran=st.booleans())
def test_pickle_of_any_plain_value_is_read_as_it(value: Any, protocol: int, fortran: bool) -> None:
    if fortran and isinstance(value, np.ndarray):
        value = np.asfortranarray(value)
    assert_agree(read_pickle(pickle.dumps(value, protocol)), value)


@given(value=VALUES, protocol=st.integers(0, 5))
def test_file_of_joblib_with_any_plain_value_is_read_as_it(value: Any, protocol: int) -> None:
    file = io.BytesIO()
    joblib.dump([value, value], file, protocol=protocol)
    assert_agree(read_pickle(file.getvalue()), [value, value])


def test_pickle_that_was_cut_off_anywhere_ends_too_early() -> None:
    value = [Example(), {"key": (1, 300, -7, 1 << 40)}, "text" * 100, np.arange(3), np.float32(1), b"bytes", {2.5}]
    for protocol in range(6):
        file = io.BytesIO()
        joblib.dump(value, file, protocol=protocol)
        whole = file.getvalue()
        for length in range(1, len(whole)):
            with pytest.raises(Unreadable, match="ends too early"):
                read_pickle(whole[:length])


def test_python_s_own_pickler_is_read_too() -> None:
    value = {"a": [1, (2, 3), {4}], "b": np.arange(3)}
    for protocol in range(6):
        file = io.BytesIO()
        pickle._Pickler(file, protocol).dump(value)  # type: ignore[attr-defined]
        assert_agree(read_pickle(file.getvalue()), value)
        assert_agree(read_pickle(pickletools.optimize(file.getvalue())), value)


def test_equal_objects_are_read_as_one_object() -> None:
    inner = [1]
    for protocol in range(6):
        found = read_pickle(pickle.dumps([inner, inner, np.dtype("f8"), np.dtype("f8")], protocol))
        assert found[0] is found[1]
        assert found[2] == found[3] == np.float64


def test_array_that_is_named_twice_is_read_as_one_array() -> None:
    values = np.arange(3)
    for protocol in range(6):
        found = read_pickle(pickle.dumps([values, values], protocol))
        assert found[0] is found[1]


def test_list_that_contains_itself_is_read() -> None:
    value: list[Any] = []
    value.append(value)
    found = read_pickle(pickle.dumps(value))
    assert found[0] is found


def test_memo_that_counts_from_1_is_read() -> None:
    assert read_pickle(b"\x80\x02]q\x01(h\x01K\x05e.")[1] == 5


class Example:
    def __init__(self) -> None:
        self.value = 3


class ListOf(list):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize("protocol", range(6))
def test_object_is_read_as_a_record_that_agrees_with_the_live_one(protocol: int) -> None:
    values = [Example(), OrderedDict(a=1), partial(print, 3), np.random.RandomState(0), slice(1, None, 2)]
    values += [np.ma.masked_array([1.0, 2.0], [True, False]), np.random.default_rng(0)]
    found = read_pickle(pickle.dumps(values, protocol))
    assert_agree(found, values)
    assert type(found[0]) is Record
    assert found[0].state == {"value": 3}
    assert found[1].pairs == {"a": 1}


def test_kind_of_list_is_read_as_a_record_with_items() -> None:
    found = read_pickle(pickle.dumps(ListOf([1, 2]), 4))
    assert found.name.endswith("ListOf")
    assert found.items == [1, 2]


@pytest.mark.parametrize("protocol", range(6))
def test_class_or_function_is_read_as_its_name(protocol: int) -> None:
    found = read_pickle(pickle.dumps([np.log1p, np.float64, len, dict, Example], protocol))
    assert found[:4] == [Name("numpy.log1p"), Name("numpy.float64"), Name("builtins.len"), Name("builtins.dict")]


def test_closed_set_has_every_opcode_that_pickletools_knows() -> None:
    frequent = {MEMOIZE, SHORT_BINUNICODE, BINGET, LONG_BINGET, BININT1, BININT2, BININT, NONE, STOP}
    assert not frequent & set(HANDLERS)
    assert frequent | set(HANDLERS) == {ord(opcode.code) for opcode in pickletools.opcodes}


# ---- what is not known


@pytest.mark.parametrize(
    "value",
    [
        {(1, (2, 3)): 1},
        {1 << 70: 1},
        {frozenset({1}): 1},
        np.array([1j]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.complex128(1),
        np.zeros(2, dtype=[("a", "f8", (2,))]),
        np.zeros(2, dtype=[("a", "f8"), ("b", "O")]),
        np.recarray((1,), dtype=[("a", "f8")]),
        1 << 300,
    ],
    ids=repr,
)
def test_value_that_is_not_plain_is_unknown(value: Any) -> None:
    with pytest.raises(Unknown):
        read_pickle(pickle.dumps(value))
