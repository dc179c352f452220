"""Pieces of pickles that no pickler writes, put together by hand."""

from __future__ import annotations

import struct

PROTO = b"\x80\x04"
MARK, STOP, REDUCE, BUILD, NEWOBJ, MEMOIZE = b"(", b".", b"R", b"b", b"\x81", b"\x94"
TUPLE, TUPLE1, TUPLE2, TUPLE3 = b"t", b"\x85", b"\x86", b"\x87"
EMPTY_TUPLE, EMPTY_LIST, EMPTY_DICT, EMPTY_SET, NONE = b")", b"]", b"}", b"\x8f", b"N"
APPENDS, SETITEMS, SETITEM = b"e", b"u", b"s"
NO_PADDING = b"\x00"


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"\x8c" + bytes([len(data)]) + data if len(data) < 256 else b"X" + struct.pack("<I", len(data)) + data


def content(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def name(module: str, qualified: str) -> bytes:
    return text(module) + text(qualified) + b"\x93"


def get(place: int) -> bytes:
    return b"j" + struct.pack("<I", place)


def values(*items: bytes) -> bytes:
    """Return a tuple."""
    return MARK + b"".join(items) + TUPLE


def call(module: str, qualified: str, *args: bytes) -> bytes:
    return name(module, qualified) + values(*args) + REDUCE


def mapping(**items: bytes) -> bytes:
    return EMPTY_DICT + MARK + b"".join(text(key) + value for key, value in items.items()) + SETITEMS


def instance(module: str, qualified: str, **state: bytes) -> bytes:
    return name(module, qualified) + EMPTY_TUPLE + NEWOBJ + mapping(**state) + BUILD


def dtype(code: str, order: str = "<", *, names: bytes = NONE, fields: bytes = NONE, size: int = -1) -> bytes:
    made = call("numpy", "dtype", text(code), b"\x89", b"\x88")
    return made + values(b"K\x03", text(order), NONE, names, fields, number(size), number(-1), b"K\x00") + BUILD


def record_dtype(inner: bytes, offset: int, size: int) -> bytes:
    """Return a dtype of one field."""
    fields = mapping(field=inner + number(offset) + TUPLE2)
    return dtype(f"V{size}", "|", names=values(text("field")), fields=fields, size=size)


def shape(*lengths: int) -> bytes:
    return values(*map(number, lengths))


def frame(
    tail: bytes, *, lengths: bytes = shape(1), kind: bytes = dtype("f8"), subclass: bytes = b"", **state: bytes
) -> bytes:
    """Return joblib's wrapper of an array, followed by `tail`: the padding's length, the padding, the array's bytes."""
    state = {
        "subclass": subclass or name("numpy", "ndarray"),
        "shape": lengths,
        "order": text("C"),
        "dtype": kind,
        "allow_mmap": b"\x88",
        "numpy_array_alignment_bytes": b"K\x10",
        **state,
    }
    return instance("joblib.numpy_pickle", "NumpyArrayWrapper", **state) + tail


def array(kind: bytes, lengths: bytes, data: bytes, subclass: bytes = b"") -> bytes:
    """Return an array as pickle writes it. `data` is what has its bytes or objects."""
    reconstruct = call(
        "numpy._core.multiarray", "_reconstruct", subclass or name("numpy", "ndarray"), shape(0), content(b"b")
    )
    return reconstruct + values(b"K\x01", lengths, kind, b"\x89", data) + BUILD


def pickle_of(*pieces: bytes) -> bytes:
    return PROTO + b"".join(pieces) + STOP
