"""Compare what was read from a file with the live value that was saved."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from server.model.pickledata.records import Name, Record, as_record

PLAIN = (str, bytes, bytearray, int, bool, type(None), slice)


def assert_agree(found: Any, live: Any, where: str = "") -> None:
    """Raise AssertionError unless the record or value describes the live one: types, order, every bit."""
    if type(found) is Record:
        expected = as_record(live)
        assert found.name == expected.name, where
        for part in ("args", "state", "items", "pairs"):
            assert_agree(getattr(found, part), getattr(expected, part), f"{where}.{part}")
    elif type(found) is Name:
        assert found.text == f"{live.__module__}.{live.__qualname__}", where
    else:
        assert type(found) is type(live), where
        assert_same_value(found, live, where)


def assert_same_value(found: Any, live: Any, where: str) -> None:
    if type(found) is dict:
        assert_agree(list(found), list(live), f"{where} keys")
        assert_agree(list(found.values()), list(live.values()), f"{where} values")
    elif type(found) in (list, tuple):
        assert len(found) == len(live), where
        for place, (one, other) in enumerate(zip(found, live, strict=True)):
            assert_agree(one, other, f"{where}[{place}]")
    elif type(found) is np.ndarray:
        assert_same_array(found, live, where)
    elif type(found) is float:
        assert struct.pack("d", found) == struct.pack("d", live), where
    elif isinstance(found, np.generic):
        assert found.tobytes() == live.tobytes(), where
    else:
        assert isinstance(found, (*PLAIN, set, frozenset, np.dtype)), f"{where}: {type(found)}"
        assert found == live, where


def assert_same_array(found: Any, live: Any, where: str = "") -> None:
    assert found.dtype == live.dtype.newbyteorder("="), where
    assert found.shape == live.shape, where
    if found.dtype == object:
        assert_agree(found.ravel().tolist(), live.ravel().tolist(), f"{where} objects")
    elif found.dtype.names:  # NumPy does not copy the bytes between the fields
        for name in found.dtype.names:
            assert found[name].tobytes() == live[name].astype(found.dtype[name]).tobytes(), f"{where}: {name}"
    else:
        assert found.tobytes() == live.astype(found.dtype).tobytes(), where
    for order in ("c_contiguous", "f_contiguous"):  # BLAS sums in another order for another layout
        assert getattr(found.flags, order) or not getattr(live.flags, order), where
