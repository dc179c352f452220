"""Which calls of a pickle describe a plain value: a closed list. Any other call becomes a record, and none is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from server.model.pickledata import bounds
from server.model.pickledata.arrays import POINTER, PendingArray, PendingDtype, PendingJoblibArray, from_buffer, scalar
from server.model.pickledata.records import Name, Record, Unknown
from server.model.pickledata.tape import Tape

JOBLIB_ARRAYS = frozenset(
    {"joblib.numpy_pickle.NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper"}
)
"""Classes in whose place joblib writes an array."""
MODULES_OF_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}
"""Names that pickle writes in protocols 0 to 2, for Python 2."""

PLAIN_KEYS = frozenset({float, bool, type(None), Name})
TEXTS = frozenset({str})

SET_ITEM = 100
"""Bytes of an item of a set, at most, without its value."""

Call = Callable[..., Any]


def name(module: Any, qualified: Any, tape: Tape) -> Name:
    """Return the name of a class or a function, and note it. It is not looked up."""
    if type(module) is not str or type(qualified) is not str or len(module) + len(qualified) > bounds.MAX_NAME:
        raise Unknown("a name that is no short text is not known as data")
    full = f"{MODULES_OF_PYTHON_2.get(module, module)}.{qualified}"
    if not full.isascii():
        raise Unknown("a name that is not ASCII is not known as data")
    tape.names[full] = None
    return Name(full)


def call(kind: Any, args: Any, tape: Tape) -> Any:
    """Return what a call describes (opcode REDUCE): a plain value, or the record of an object."""
    if type(kind) is not Name or type(args) is not tuple:
        raise Unknown("a call of another thing than a name is not known as data")
    known = CALLS.get(kind.text)
    if known is None:
        return Record(kind.text, args)
    try:
        return known(tape, *args)
    except TypeError as error:
        raise Unknown(f"a call of {kind.text} with these arguments is not known as data") from error


def new(kind: Any, args: Any) -> Any:
    """Return the object that a class would make (opcode NEWOBJ)."""
    if type(kind) is not Name or type(args) is not tuple:
        raise Unknown("an object of another thing than a name is not known as data")
    if kind.text in JOBLIB_ARRAYS and not args:
        return PendingJoblibArray()
    return Record(kind.text, args)


def key(value: Any, tape: Tape) -> Any:
    """Return a value that may be a key of a dict or an item of a set."""
    if _is_plain_key(value):
        return value
    if type(value) is tuple and len(value) <= bounds.MAX_KEY_ITEMS:
        tape.count_tuple_key()
        if all(map(_is_plain_key, value)):
            return value
    raise Unknown("a key that is no short plain value is not known as data")


def keys(values: list[Any], tape: Tape) -> list[Any]:
    """Return values that may all be keys."""
    if TEXTS.issuperset(map(type, values)) and max(map(len, values), default=0) <= bounds.MAX_KEY_TEXT:
        return values
    return [key(value, tape) for value in values]


def _is_plain_key(value: Any) -> bool:
    """Return whether a value hashes and compares in little time, and without collisions that a file could cause."""
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value) <= bounds.MAX_KEY_TEXT
    if kind is int:
        return bool(-bounds.MAX_KEY_INTEGER < value < bounds.MAX_KEY_INTEGER)
    return kind in PLAIN_KEYS or (isinstance(value, np.generic) and int(value.nbytes) <= bounds.MAX_KEY_TEXT)


# ---- the closed list


def _dtype(_: Tape, code: Any, align: Any = False, copy: Any = True) -> Any:  # noqa: ARG001 - as numpy.dtype
    return PendingDtype(code)


def _reconstruct_array(_: Tape, kind: Any, shape: Any, code: Any) -> Any:  # noqa: ARG001 - of the empty array before
    return PendingArray(kind)


def _reconstruct(_: Tape, kind: Any, base: Any, state: Any) -> Any:
    """Return the object of protocols 0 and 1."""
    if type(base) is not Name or base.text != "builtins.object" or state is not None:
        raise Unknown("an object that is a kind of another value is not known as data")
    return new(kind, ())


def _new(tape: Tape, kind: Any, *args: Any) -> Any:
    tape.count_copied(POINTER * len(args))
    return new(kind, args)


def _encode(tape: Tape, text: Any, encoding: Any = None) -> Any:
    """Return the bytes of protocols 0 to 2."""
    if type(text) is not str or type(encoding) is not str or encoding != "latin1":
        raise Unknown("bytes in another encoding are not known as data")
    tape.count_copied(len(text))
    return text.encode("latin1")


def _bytes(_: Tape) -> bytes:
    """Return the empty bytes of protocols 0 to 2."""
    return b""


def _bytearray(tape: Tape, content: Any = b"") -> Any:
    if type(content) is not bytes:
        raise Unknown("bytes of another value are not known as data")
    tape.count_copied(len(content))
    return bytearray(content)


def _set(tape: Tape, items: Any) -> set[Any]:
    """Return the set of protocols 0 to 3."""
    if type(items) is not list:
        raise Unknown("a set of another value than a list is not known as data")
    tape.count_copied(SET_ITEM * len(items))
    return set(keys(items, tape))


def _frozenset(tape: Tape, items: Any) -> frozenset[Any]:
    return frozenset(_set(tape, items))


def _slice(_: Tape, start: Any, stop: Any, step: Any) -> slice:
    """Return a slice: a ColumnTransformer may have one as its columns."""
    if not {type(start), type(stop), type(step)} <= {type(None), int, str}:
        raise Unknown("a slice of other values is not known as data")
    return slice(start, stop, step)


CALLS: Mapping[str, Call] = {
    "_codecs.encode": _encode,
    "builtins.bytearray": _bytearray,
    "builtins.bytes": _bytes,
    "builtins.frozenset": _frozenset,
    "builtins.set": _set,
    "builtins.slice": _slice,
    "copyreg.__newobj__": _new,
    "copyreg._reconstructor": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct_array,
    "numpy._core.multiarray.scalar": scalar,
    "numpy._core.numeric._frombuffer": from_buffer,
    "numpy.core.multiarray._reconstruct": _reconstruct_array,
    "numpy.core.multiarray.scalar": scalar,
    "numpy.core.numeric._frombuffer": from_buffer,
    "numpy.dtype": _dtype,
}
"""By the full name of a function or a class: what a call of it describes. None of them is imported or called."""
