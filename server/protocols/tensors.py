"""Tensors of the Open Inference Protocol ⇄ arrays: in JSON, and in the bytes of the binary tensor extension. Pure."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.matrix import plain, require_number_rows
from server.inputs.wording import kind_of, numbers, quoted, shown
from server.labels import as_text, utf8
from server.protocols.json_answer import json_ready
from server.short_steps import array_of, list_of, objects_of, types_of

BYTES = "BYTES"
DATATYPES = {
    "BOOL": np.dtype("?"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
DATATYPE_NAMES = {dtype: name for name, dtype in DATATYPES.items()}
MAX_DIMENSIONS = 32
"""More than any model's input has, and no more than any version of NumPy supports."""
MAX_SIZE = 2**31 - 1
"""Values along one dimension: more than any body holds. Longer numbers would make the product of a shape slow."""
ELEMENT_LENGTH = struct.Struct("<I")
"""Stands before each element of a BYTES tensor in binary form."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array. `values` has the declared shape; of BYTES it is an object array of str.

    With a null in its JSON it is an object array, but for floats: there null is NaN.
    """

    name: str
    datatype: str
    values: np.ndarray[Any, Any]
    content_type: str = ""
    """What MLServer's clients say of the values, such as `datetime`; "" if nothing."""


class Tail:
    """The binary data after a request's JSON. Each tensor takes its share from the front."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._taken = data, 0

    def take(self, size: int, place: str) -> memoryview:
        """Return the next `size` bytes. Raise InputError if there are fewer."""
        end = self._taken + size
        if end > len(self._data):
            left = len(self._data) - self._taken
            raise InputError(f"{place} says {size} bytes of binary data; the body has {left} left for it")
        share, self._taken = self._data[self._taken : end], end
        return share

    def finish(self) -> None:
        """Raise InputError if bytes are left that no tensor has taken."""
        left = len(self._data) - self._taken
        if left:
            raise InputError(f"the body has {left} bytes more than the inputs' binary_data_size say")


def declared_values(items: list[Any]) -> int:
    """Return how many values the shapes of these inputs announce. `decode_tensor` refuses those that are no shapes."""
    shapes: list[Any] = [item.get("shape") for item in items if isinstance(item, dict)]
    return sum(math.prod(shape) for shape in shapes if _is_shape(shape))


def decode_tensor(item: Any, place: str, tail: Tail) -> Tensor:
    """Return one of a request's inputs.

    Raises:
        InputError: names what does not fit: the datatype, the shape, or a value with its place.

    """
    if not isinstance(item, dict):
        raise InputError(f"{place} is {kind_of(item)}; expected an object with name, shape, datatype and data")
    name, datatype, shape = item.get("name"), item.get("datatype"), _shape(item.get("shape"), f"{place}.shape")
    if not isinstance(name, str):
        raise InputError(f"{place}.name is {kind_of(name)}; a string is needed")
    if not isinstance(datatype, str) or (datatype != BYTES and datatype not in DATATYPES):
        raise InputError(f"{place}.datatype is {quoted(datatype)}; it can be {', '.join((*DATATYPES, BYTES))}")
    described = parameters(item, place)
    size, content_type = described.get("binary_data_size"), str(described.get("content_type", ""))
    if size is not None:
        return Tensor(name, datatype, _from_binary(size, datatype, shape, place, tail), content_type)
    if "data" not in item:
        raise InputError(f"{place} has neither data nor parameters.binary_data_size")
    return Tensor(name, datatype, _from_json(item["data"], datatype, shape, f"{place}.data"), content_type)


def parameters(item: dict[str, Any], place: str) -> dict[str, Any]:
    """Return the item's `parameters`, or an empty dict. Raise InputError if they are not an object."""
    found = item.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InputError(f"{place}.parameters is {kind_of(found)}; an object is needed")
    return found


def _shape(shape: Any, place: str) -> tuple[int, ...]:
    if not isinstance(shape, list) or not shape:
        raise InputError(f"{place} is missing, empty or not a list; expected one such as [1, 4]")
    if len(shape) > MAX_DIMENSIONS:
        raise InputError(f"{place} has {len(shape)} dimensions; {MAX_DIMENSIONS} are the most")
    if not _is_shape(shape):
        raise InputError(f"{place} is {numbers(shape)}; whole numbers from 1 to {MAX_SIZE} are needed")
    return tuple(shape)


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list)
        and len(shape) <= MAX_DIMENSIONS
        and all(type(size) is int and 0 < size <= MAX_SIZE for size in shape)
    )


def _from_binary(size: Any, datatype: str, shape: tuple[int, ...], place: str, tail: Tail) -> np.ndarray[Any, Any]:
    """Return a view of the request's own bytes; only strings are copied."""
    if type(size) is not int or size < 0:
        raise InputError(f"{place}.parameters.binary_data_size must be a number of bytes")
    count, share = math.prod(shape), tail.take(size, place)
    if datatype == BYTES:
        texts = list(_texts(share, place))
        _check_count(len(texts), count, shape, place)
        return _object_array(texts, shape)
    dtype = DATATYPES[datatype]
    if size != count * dtype.itemsize:
        raise InputError(f"{place} says {size} bytes; shape {list(shape)} of {datatype} has {count * dtype.itemsize}")
    return np.frombuffer(share, dtype).reshape(shape)


def _texts(share: memoryview, place: str) -> Iterator[str]:
    position = 0
    while position < len(share):
        start = position + ELEMENT_LENGTH.size
        is_complete = start <= len(share)
        if is_complete:
            position = start + ELEMENT_LENGTH.unpack_from(share, position)[0]
        if not is_complete or position > len(share):
            raise InputError(f"{place}: the binary data ends within an element")
        try:
            yield str(share[start:position], "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{place}: an element is not UTF-8") from error


def _check_count(found: int, count: int, shape: tuple[int, ...], place: str) -> None:
    if found != count:
        raise InputError(f"{place} has {found} values; shape {list(shape)} has {count}")


def _object_array(flat: list[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return objects_of(flat).reshape(shape)


def _from_json(data: Any, datatype: str, shape: tuple[int, ...], place: str) -> np.ndarray[Any, Any]:
    if not isinstance(data, list):
        raise InputError(f"{place} is {kind_of(data)}; a list is needed")
    rows = _innermost_lists(data, shape, place)
    if datatype == BYTES:
        return _object_array(_strings(list(chain.from_iterable(rows)), place), shape)
    found = _numbers(rows, datatype, place)
    if found.dtype == object:
        return found.reshape(shape)
    if found.dtype.kind == "f" and DATATYPES[datatype].kind in "iu" and not plain(found):
        found = _exact_integers(list(chain.from_iterable(rows)), datatype, place)
    return _cast(found.reshape(shape), datatype, place)


def _innermost_lists(data: list[Any], shape: tuple[int, ...], place: str) -> list[list[Any]]:
    """Return the lists that hold the values, of data that is flat or nested as the shape says."""
    if not data or not isinstance(data[0], list):
        _check_count(len(data), math.prod(shape), shape, place)
        return [data]
    level: list[Any] = [data]
    for depth, size in enumerate(shape):
        for item in level:
            if not isinstance(item, list) or len(item) != size:
                found = f"a list of {len(item)} values" if isinstance(item, list) else kind_of(item)
                raise InputError(f"{place} has {found} where shape {list(shape)} has a list of {size}")
        if depth < len(shape) - 1:
            level = level[0] if len(level) == 1 else list(chain.from_iterable(level))  # a list alone is not copied
    return level


def _strings(flat: list[Any], place: str) -> list[str | None]:
    for index, value in enumerate(flat):
        if not isinstance(value, str | None):
            raise InputError(f"{place}[{index}] is {kind_of(value)}; BYTES takes strings")
    return flat


def _numbers(rows: list[list[Any]], datatype: str, place: str) -> np.ndarray[Any, Any]:
    """Return the numbers. Raise InputError if something else is among them.

    Null is NaN in floats. Among integers or booleans it makes an object array of checked values.
    """
    try:
        require_number_rows(rows)
        dtype = np.float64 if datatype == "FP64" else None  # a given type is faster
        found = array_of(rows[0], dtype) if len(rows) == 1 else array_of(rows, dtype, len(rows[0]))
    except (TypeError, OverflowError):
        found = np.asarray(None)  # not numbers alone: each value is checked below
    if found.dtype.kind in "fiub":
        return found
    flat = list(chain.from_iterable(rows))
    for index, value in enumerate(flat):
        if value is not None and not isinstance(value, int | float):
            raise InputError(f"{place}[{index}] is {kind_of(value)}; {datatype} takes numbers")
    if None in flat and not datatype.startswith("FP"):
        return _object_array(_with_nulls(flat, datatype, place), (len(flat),))
    try:
        return array_of(flat, np.float64)
    except OverflowError as error:
        raise InputError(f"{place} has a number too large for {datatype}") from error


def _with_nulls(flat: list[Any], datatype: str, place: str) -> list[Any]:
    """Return integers or booleans as the declared type has them, with None for null."""
    least, largest = _limits(datatype)
    for index, value in enumerate(flat):
        if value is not None and not (least <= value <= largest and value == int(value)):
            raise InputError(f"{place}[{index}] is {shown(value)}, which is no {datatype}")
    plain_type = bool if datatype == "BOOL" else int
    return [value if value is None else plain_type(value) for value in flat]


def _limits(datatype: str) -> tuple[int, int]:
    """Return the least and the largest value of a datatype of integers or booleans."""
    if datatype == "BOOL":
        return 0, 1
    limits = np.iinfo(DATATYPES[datatype].str)
    return limits.min, limits.max


def _exact_integers(flat: list[Any], datatype: str, place: str) -> np.ndarray[Any, Any]:
    """Return integers that NumPy would make floats of, since some are beyond int64 or written as `1.0`."""
    return array_of(_with_nulls(flat, datatype, place), DATATYPES[datatype])


def _cast(found: np.ndarray[Any, Any], datatype: str, place: str) -> np.ndarray[Any, Any]:
    """Return the values in the declared type. Floats are rounded to it; whole numbers must fit."""
    dtype = DATATYPES[datatype]
    if dtype.kind == "f":
        with np.errstate(over="ignore"):  # becomes an infinity, which is refused below
            cast = found.astype(dtype, copy=False)
        if cast is found:
            return found
        unfit = np.isinf(cast)
    else:
        least, largest = _limits(datatype)
        unfit = (found < least) | (found > largest) | (found != np.trunc(found))
    for (index,) in np.argwhere(unfit.ravel())[:1]:
        raise InputError(f"{place}[{index}] is {found.ravel()[index]}, which is no {datatype}")
    return found.astype(dtype, copy=False)


def encode_tensor(name: str, values: np.ndarray[Any, Any], *, binary: bool) -> tuple[dict[str, Any], Any]:
    """Return an output's JSON, and its bytes if they follow the JSON of all outputs."""
    values, datatype = with_datatype(values)
    described = {"name": name, "datatype": datatype, "shape": list(values.shape)}
    if not binary:
        return {**described, "data": json_ready(values.ravel())}, None
    data = _packed(list_of(values.ravel())) if datatype == BYTES else np.ascontiguousarray(values).data.cast("B")
    return {**described, "parameters": {"binary_data_size": len(data)}}, data


def with_datatype(values: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], str]:
    """Return the values in a form that has a datatype, and that datatype. Anything but numbers becomes text."""
    if values.dtype.kind == "f" and values.dtype.itemsize > DATATYPES["FP64"].itemsize:
        values = values.astype(np.float64)
    name = DATATYPE_NAMES.get(values.dtype.newbyteorder("<"))
    if name is not None:
        return values.astype(DATATYPES[name], copy=False), name
    flat: Any = values.ravel()
    labels = list_of(flat) if values.dtype.kind in "UO" else flat
    texts = labels if types_of(labels) == {str} else list(map(as_text, labels))
    return _object_array(texts, values.shape), BYTES


def _packed(texts: list[str]) -> bytes:
    return b"".join(ELEMENT_LENGTH.pack(len(data)) + data for data in map(utf8, texts))
