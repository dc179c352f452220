"""JSON ⇄ arrays. Pure: bytes in, a feature matrix out; predictions in, bytes out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from server.errors import InputError

NAMES_SHOWN = 6
EXAMPLE = '{"data": [[1.0, 2.0]]}'


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model takes. `features` is None when the model does not say."""

    features: int | None = None
    names: tuple[str, ...] = ()
    allows_missing: bool = False
    classes: tuple[Any, ...] = ()
    methods: frozenset[str] = frozenset({"predict"})


def parse(body: bytes, schema: Schema) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The body's `data` as float64 of shape (rows, features); null is NaN where the model takes missing values.

    Raises:
        InputError: names the problem and its place, such as `data[0][2]`.

    """
    data = _data(body)
    try:
        found = np.asarray(data)
    except ValueError:
        found = np.asarray(None)
    if found.ndim != 2 or found.dtype.kind not in "fiub" or 0 in found.shape:  # noqa: PLR2004 - rows and features
        _check_rows(data, schema)
        found = np.array(data, dtype=np.float64)
    matrix = found.astype(np.float64, copy=False)
    _check_width(matrix, schema)
    _check_finite(matrix, data, schema)
    return matrix


def _data(body: bytes) -> Any:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"the body is {_kind(document)}; expected an object such as {EXAMPLE}")
    if "data" not in document:
        there = ", ".join(f"'{key}'" for key in document) or "nothing"
        raise InputError(f"'data' is missing: expected {EXAMPLE}, found {there[:200]}")
    return document["data"]


def _check_rows(data: Any, schema: Schema) -> None:
    """Find what keeps `data` from being a matrix of numbers; returns only if null is all there is to it."""
    if not isinstance(data, list):
        raise InputError(f"data is {_kind(data)}; expected a list of rows, such as {EXAMPLE}")
    if not data:
        raise InputError("data is empty; give at least one row")
    for index, row in enumerate(data):
        if not isinstance(row, list):
            hint = "; wrap a single row: [[…]]" if index == 0 else ""
            raise InputError(f"data[{index}] is {_kind(row)}; expected a list of numbers{hint}")
        if not row:
            raise InputError(f"data[{index}] is empty")
        if len(row) != len(data[0]):
            raise InputError(f"data[{index}] has {len(row)} values, data[0] has {len(data[0])}")
        for column, value in enumerate(row):
            _check_value(value, f"data[{index}][{column}]", schema)


def _check_value(value: Any, place: str, schema: Schema) -> None:
    if isinstance(value, int | float) or (value is None and schema.allows_missing):
        return
    extra = " and this model takes no missing values" if value is None else ""
    raise InputError(f"{place} is {_kind(value)}; a number is needed{extra}")


def _check_width(matrix: np.ndarray[Any, Any], schema: Schema) -> None:
    if schema.features is None or matrix.shape[1] == schema.features:
        return
    names = ", ".join(schema.names[:NAMES_SHOWN]) + (", …" if len(schema.names) > NAMES_SHOWN else "")
    raise InputError(
        f"data[0] has {matrix.shape[1]} values; the model takes {schema.features}" + (f": {names}" if names else "")
    )


def _check_finite(matrix: np.ndarray[Any, Any], data: Any, schema: Schema) -> None:
    """JSON has no NaN, so whatever is not finite is a null that is allowed, or a number too large for a float."""
    if np.isfinite(matrix).all():
        return
    for row, column in np.argwhere(~np.isfinite(matrix)):
        if not (schema.allows_missing and data[row][column] is None):
            raise InputError(f"data[{row}][{column}] is too large for a 64-bit number")


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


def encode(predictions: Any) -> bytes:
    """`{"predictions": […]}`; what JSON cannot say (NaN, infinities) is null, what it does not know a string."""
    plain = _plain(predictions)
    return orjson.dumps({"predictions": plain}, default=_fallback, option=orjson.OPT_SERIALIZE_NUMPY)


def _plain(predictions: Any) -> Any:
    if hasattr(predictions, "toarray"):  # a sparse matrix, as multi-label models may give
        predictions = predictions.toarray()
    if isinstance(predictions, list | tuple):
        return [_plain(item) for item in predictions]
    if hasattr(predictions, "to_numpy"):  # a pandas object, from a model set to give those
        predictions = predictions.to_numpy()
    if isinstance(predictions, np.ndarray) and predictions.dtype.kind in "fiub" and predictions.dtype.itemsize <= 8:  # noqa: PLR2004 - orjson's widest
        return np.ascontiguousarray(predictions)
    return predictions.tolist() if isinstance(predictions, np.ndarray) else predictions


def _fallback(value: Any) -> Any:
    if isinstance(value, np.generic):
        plain = value.item()
        return plain if isinstance(plain, str | int | bool) or _is_finite(plain) else None
    return str(value)


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)
