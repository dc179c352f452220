"""JSON ⇄ model input and output, for every protocol; `server.http.fast_path` may only be sooner, never different. Pure.

What is well-formed takes the short way, `quick`: one pass by NumPy over what orjson gives. Whatever that does not take
goes through `server.inputs.json_rows`, which knows all the other forms and finds the words for what is wrong.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import orjson

from server.errors import InputError
from server.inputs.json_rows import Body, kind_of, slow
from server.inputs.matrix import quick
from server.schema import Schema, Takes

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""As JSON escapes it: one of a pair, or alone."""

CONSTANTS = re.compile(rb"NaN|Infinity")
"""What Python's encoder writes and JSON does not have."""

EXAMPLE = '{"data": [[1.0, 2.0]]}'


def parse(body: bytes, schema: Schema) -> Any:
    """The body's `data` as the model takes it: for nearly every model float64 of shape (rows, features).

    Raises:
        InputError: names the problem and its place, such as `data[0][2]`.

    """
    found = document(body, EXAMPLE)
    if "data" not in found:
        there = ", ".join(f"'{key}'" for key in found) or "nothing"
        raise InputError(f"'data' is missing: expected {EXAMPLE}, found {there[:200]}")
    return rows(found["data"], schema, "data", Body(body, found))


def document(body: bytes, example: str) -> dict[str, Any]:
    """The body, which must be a JSON object. NaN is read as null: Python's own encoder writes it, and so do clients."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        found = _pythons(body, f"the body is not JSON: {error}")
    if isinstance(found, dict):
        return found
    raise InputError(f"the body is {kind_of(found)}; expected an object such as {example}")


def _pythons(body: bytes, refusal: str) -> Any:
    """What Python's encoder may have written; all that is JSON has been read before, and pays nothing for this."""
    if not CONSTANTS.search(body):
        raise InputError(refusal)
    try:
        # From bytes it would take what is no UTF-8.
        found = json.loads(str(body, "utf-8"), parse_constant=_constant)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(refusal) from error  # in the words of one and the same parser
    if SURROGATE.search(body):
        _refuse_lone_surrogates(found)
    return found


def _refuse_lone_surrogates(found: Any) -> None:
    """Python's parser takes half a pair, which no answer that repeats it could be written with; orjson refuses it."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InputError("the body has a string with half of a surrogate pair") from error


def _constant(word: str) -> None:
    if word != "NaN":
        raise InputError(f"the body has the value {word}; a finite number is needed")


def rows(data: Any, schema: Schema, place: str, body: Body) -> Any:
    """Rows of JSON as the model takes them; `place` is what errors call `data`."""
    X = quick(data, schema, plain=body.has_no_strings()) if schema.takes is Takes.NUMBERS else None
    return slow(data, schema, place, body) if X is None else X


def encode(predictions: Any) -> bytes:
    """`{"predictions": […]}`; what JSON cannot say (NaN, infinities) is null, what it does not know a string."""
    return json_bytes({"predictions": plain(predictions)})


def json_bytes(value: Any) -> bytes:
    return orjson.dumps(value, default=_fallback, option=orjson.OPT_SERIALIZE_NUMPY)


def plain(predictions: Any) -> Any:
    """Whatever a model gives, as what `json_bytes` takes."""
    if isinstance(predictions, np.ndarray):
        if predictions.dtype.kind in "fiub" and predictions.dtype.itemsize <= 8:  # noqa: PLR2004 - orjson's widest
            return np.ascontiguousarray(predictions)
        return predictions.tolist()
    if hasattr(predictions, "toarray"):  # a sparse matrix, as multi-label models may give
        return plain(predictions.toarray())
    if isinstance(predictions, list | tuple):
        return [plain(item) for item in predictions]
    if hasattr(predictions, "to_numpy"):  # a pandas object, from a model set to give those
        return plain(predictions.to_numpy())
    return predictions


def _fallback(value: Any) -> Any:
    if isinstance(value, np.generic):
        found = value.item()
        return found if isinstance(found, str | int | bool) or _is_finite(found) else None
    return str(value)


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)
