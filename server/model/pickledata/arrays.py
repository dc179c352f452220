"""NumPy's dtypes, scalars and arrays, as pickle and joblib write them.

Sources: numpy/_core/src/multiarray/{descriptor,methods}.c (`__reduce__`), numpy/_core/numeric.py (`_frombuffer`),
joblib/numpy_pickle.py (`NumpyArrayWrapper`).

Each dtype is one of a closed list, and bytes become values only after their number was compared with dtype and shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from server.model.pickledata import bounds
from server.model.pickledata.records import Name, Unknown
from server.model.pickledata.tape import Tape

CODES = re.compile(r"(b1|[iu][1248]|f[248]|[US][1-9][0-9]{0,4}|O8?|V[0-9]{1,5})")
"""Codes of the dtypes that are known, as `numpy.dtype.__reduce__` writes them."""

Content = bytes | bytearray | memoryview

ARRAY_TYPES = frozenset({"numpy.ndarray", "numpy.memmap", "numpy.core.memmap.memmap"})
POINTER = 8
"""Bytes of an item of an array of objects."""
FIELD = 400
"""Bytes of a field in a dtype, at most."""
LAST_CODE_POINT = 0x10FFFF

STATE_OF_DTYPE = 8
"""Items of `numpy.dtype.__reduce__`'s state. Dates have a ninth."""


# The values that are described by a state, which they get next (opcode BUILD). `finish` returns what replaces them, and
# `place` is where they are in the memo.

# ---- dtypes


class PendingDtype:
    """A dtype before its state, which has its byte order or its fields."""

    __slots__ = ("code", "place")

    def __init__(self, code: Any) -> None:
        """Keep the code. Raises `Unknown` for a dtype that is not known."""
        if type(code) is not str:  # not shown: the text of lists that share their items may fill the memory
            raise _odd_dtype()
        if not CODES.fullmatch(code):
            raise Unknown(f"an array of dtype {code[:20]} is not known as data")
        self.code = code
        self.place = -1

    def finish(self, state: Any, tape: Tape, _: Any) -> np.dtype[Any]:
        """Return the dtype."""
        if type(state) is not tuple or len(state) != STATE_OF_DTYPE:
            raise _odd_dtype()
        _, order, inner, names, fields, size, _, _ = state
        if inner is not None or not _is_word(order, "<", ">", "|", "="):
            raise _odd_dtype()
        if self.code[0] == "V":
            return _record_dtype(tape, names, fields, size)
        if names is not None or fields is not None:
            raise _odd_dtype()
        made = np.dtype(self.code)
        if made.itemsize > bounds.MAX_ITEM:
            raise _odd_dtype()
        return made.newbyteorder(order) if order in "<>" else made


def _record_dtype(tape: Tape, names: Any, fields: Any, size: Any) -> np.dtype[Any]:
    """Return a dtype with fields of numbers, each inside the item."""
    if type(names) is not tuple or type(fields) is not dict or not 0 < len(names) <= bounds.MAX_FIELDS:
        raise _odd_dtype()
    tape.count_copied(FIELD * len(names))
    if not all(type(name) is str for name in names) or len(set(names)) != len(names) or fields.keys() != set(names):
        raise _odd_dtype()
    if type(size) is not int or not 0 < size <= bounds.MAX_ITEM:
        raise _odd_dtype()
    formats, offsets = [], []
    for name in names:
        field = fields[name]
        if type(field) is not tuple or len(field) != 2 or type(field[1]) is not int:  # noqa: PLR2004 - dtype, offset
            raise _odd_dtype()
        inner = known_dtype(field[0])
        if inner.kind not in "iuf" or not 0 <= field[1] <= size - inner.itemsize:
            raise _odd_dtype()
        formats.append(inner)
        offsets.append(field[1])
    return np.dtype({"names": list(names), "formats": formats, "offsets": offsets, "itemsize": size})


def known_dtype(value: Any) -> np.dtype[Any]:
    """Return a dtype that has its state."""
    if not isinstance(value, np.dtype):
        raise _odd_dtype()
    return value


def _is_word(value: Any, *known: str) -> bool:
    """Return whether the value is one of these texts. Comparing an array with a text would compare its items."""
    return type(value) is str and value in known


def _odd_dtype() -> Unknown:
    return Unknown("an array of this dtype is not known as data")


# ---- values


def scalar(tape: Tape, dtype: Any, content: Any) -> Any:
    """Return a NumPy scalar."""
    dtype = known_dtype(dtype)
    kind = dtype.kind
    if kind not in "biufUS" or type(content) is not bytes or len(content) != dtype.itemsize:
        raise Unknown("a number of this dtype is not known as data")
    if kind in "iu":
        return dtype.type(int.from_bytes(content, "little" if dtype.isnative else "big", signed=kind == "i"))
    tape.count_copied(len(content))
    found = np.frombuffer(content, dtype=dtype)
    _check_values(tape, found)
    return found[0]


def array(tape: Tape, content: Content, dtype: np.dtype[Any], shape: Any, *, fortran: bool) -> Any:
    """Return the array whose values are these bytes. A large one is a view of them, which cannot be written."""
    count = _count(shape)
    if dtype.hasobject or count * dtype.itemsize != len(content):
        raise Unknown("an array whose content does not fit its shape is not known as data")
    made = np.frombuffer(content, dtype=dtype) if count else np.empty(0, dtype=dtype)
    if count:
        _check_values(tape, made)
    native = dtype.isnative
    if not native or made.nbytes <= bounds.MAX_COPIED or made.ctypes.data % bounds.ALIGNMENT:
        tape.count_copied(made.nbytes)
        made = made.copy() if native else made.astype(dtype.newbyteorder("="))
    return made.reshape(shape[::-1]).T if fortran else made.reshape(shape)


def objects(tape: Tape, content: Any, shape: Any, *, fortran: bool) -> Any:
    """Return an array of objects."""
    if type(content) is not list or len(content) != _count(shape):
        raise Unknown("an array whose content does not fit its shape is not known as data")
    tape.count_copied(POINTER * len(content))
    made = np.empty(len(content), dtype=object)
    for place, value in enumerate(content):  # an assignment of the whole list would look into its items
        made[place] = value
    return made.reshape(shape[::-1]).T if fortran else made.reshape(shape)


def from_buffer(tape: Tape, content: Any, dtype: Any, shape: Any, order: Any) -> Any:
    """Return an array of protocol 5, whose bytes are inside the pickle."""
    if type(content) not in (bytes, bytearray) or not _is_word(order, "C", "F"):
        raise Unknown("an array of this layout is not known as data")
    return array(tape, content, known_dtype(dtype), shape, fortran=order == "F")


def _count(shape: Any) -> int:
    """Return the number of values of a shape."""
    if type(shape) is not tuple or len(shape) > bounds.MAX_DIMENSIONS:
        raise Unknown("an array of too many dimensions is not known as data")
    count = 1
    for length in shape:
        if type(length) is not int or not 0 <= length <= bounds.MAX_VALUES:
            raise Unknown("an array of this shape is not known as data")
        count *= length
    if count > bounds.MAX_VALUES:
        raise Unknown("an array of this shape is not known as data")
    return count


def _check_values(tape: Tape, values: Any) -> None:
    """Raise `Unknown` for bytes that are no value of their dtype: other code relies on it."""
    if values.dtype.kind not in "bU":
        return
    tape.count_copied(values.nbytes)  # they are read, which takes time, though not copied
    if values.dtype.kind == "b":
        valid = values.view(np.uint8).max() <= 1
    else:
        valid = values.view(values.dtype.str[0] + "u4").max() <= LAST_CODE_POINT
    if not valid:
        raise Unknown("an array with bytes that are no values is not known as data")


# ---- arrays that are described by their state


class PendingArray:
    """An array of pickle, before its state."""

    __slots__ = ("place",)

    def __init__(self, kind: Any) -> None:
        """Check that it is no array of another type."""
        if type(kind) is not Name or kind.text not in ARRAY_TYPES:
            raise Unknown("an array of another type is not known as data")
        self.place = -1

    def finish(self, state: Any, tape: Tape, _: Any) -> Any:
        """Return the array."""
        if type(state) is not tuple or len(state) != 5:  # noqa: PLR2004 - version, shape, dtype, order, content
            raise Unknown("an array of this layout is not known as data")
        _, shape, dtype, fortran, content = state
        dtype = known_dtype(dtype)
        if type(fortran) is not bool:
            raise Unknown("an array of this layout is not known as data")
        if dtype.kind == "O":
            return objects(tape, content, shape, fortran=fortran)
        if type(content) is not bytes:
            raise Unknown("an array of this layout is not known as data")
        return array(tape, content, dtype, shape, fortran=fortran)


class PendingJoblibArray:
    """joblib's NumpyArrayWrapper, before its state: the array's bytes follow it, outside of the pickle's opcodes."""

    __slots__ = ("place",)

    def __init__(self) -> None:
        """Begin without a place."""
        self.place = -1

    def finish(self, state: Any, tape: Tape, read_inner: Callable[[], Any]) -> Any:
        """Return the array, and move the tape behind it."""
        kind = state.get("subclass") if type(state) is dict else None
        if type(kind) is not Name or kind.text not in ARRAY_TYPES or not _is_word(state.get("order"), "C", "F"):
            raise Unknown("an array of another type is not known as data")
        dtype, shape = known_dtype(state.get("dtype")), state.get("shape")
        length = _count(shape) * dtype.itemsize
        if dtype.hasobject:
            made = read_inner()
            if type(made) is not np.ndarray or made.dtype != dtype or made.shape != shape:
                raise Unknown("an array of this layout is not known as data")
            return made
        # Since joblib 1.2 one byte tells how many bytes of padding follow it.
        if state.get("numpy_array_alignment_bytes") is not None:
            tape.skip(tape.unsigned(1))
        at = tape.skip(length)
        return array(tape, tape.view[at : at + length], dtype, shape, fortran=state["order"] == "F")
