"""A model's answers as JSON, for every protocol; `server.labels` has the form of each label. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from server.errors import InputError
from server.labels import array_as_json, as_json, encodable
from server.short_steps import STEP, in_steps

ORJSON_MAX_ITEM = 8
"""Bytes of the widest number that orjson reads from an array."""

MAX_DENSE_VALUES = 2**22
"""Values of a sparse answer written out with all its zeros: 32 MB. Four rows of HashingVectorizer's default width."""


def encode_predictions(predictions: Any) -> bytes:
    """Return `{"predictions": […]}`. NaN and infinities become null. Other values that JSON lacks become strings."""
    return encode_json({"predictions": json_ready(predictions)})


def encode_json(value: Any) -> bytes:
    """Return the value as JSON, NumPy arrays and scalars included."""
    try:
        return orjson.dumps(value, default=as_json, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError:
        return orjson.dumps(encodable(value), default=_encodable_form, option=orjson.OPT_SERIALIZE_NUMPY)


def _encodable_form(value: Any) -> Any:
    return encodable(as_json(value))


def json_ready(predictions: Any) -> Any:
    """Return a model's answer, whatever its type, in a form that `encode_json` takes."""
    if isinstance(predictions, np.ndarray):
        if predictions.dtype.kind == "f" and predictions.dtype.itemsize > ORJSON_MAX_ITEM:
            predictions = predictions.astype(np.float64)
        return _listed(predictions) if predictions.size <= STEP else _encoded_in_slices(predictions)
    if hasattr(predictions, "toarray"):  # as vectorizers, encoders and multi-label models may give
        return json_ready(dense(predictions))
    if isinstance(predictions, list | tuple):
        return [json_ready(item) for item in predictions]
    if hasattr(predictions, "to_numpy"):  # a pandas object, from a model set to give those
        return json_ready(predictions.to_numpy())
    return as_json(predictions)


def _listed(values: np.ndarray[Any, Any]) -> Any:
    """Return an array in a form that orjson takes: of numbers as it is, of anything else as lists."""
    return np.ascontiguousarray(values) if values.dtype.kind in "fiub" else array_as_json(values)


def _encoded_in_slices(values: np.ndarray[Any, Any]) -> orjson.Fragment:
    """Return an array as JSON, part by part: no other thread runs while orjson encodes one."""
    parts = [encode_json(_listed(part))[1:-1] for part in in_steps(values, values.size // len(values))]
    return orjson.Fragment(b"[%b]" % b",".join(parts))


def dense(sparse: Any) -> Any:
    """Return a sparse matrix as an array. Raise InputError where a few stored values would become gigabytes.

    One row is always written out, however wide.
    """
    rows, columns = sparse.shape
    most = max(1, MAX_DENSE_VALUES // max(1, columns))
    if rows > most:
        raise InputError(f"the answer would have {rows} x {columns} values; send at most {most} rows in a request")
    return sparse.toarray()
