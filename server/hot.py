"""The seed's `/predict`, for the requests that most are: numbers as they should be, and a model that answers at once.

Each function gives None for whatever is not such a request; the ordinary way then answers it, or says what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from server.matrices import finite
from server.payload import encode

QUOTES = 2
"""In `{"data": …}`."""


def matrix(body: bytes, features: int | None) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """The body's `data`, if it is rows of finite numbers, as wide as the model."""
    # NumPy is fastest when told the type, and then reads "1" as 1: so the only string may be the key itself.
    if body.count(b'"') != QUOTES:
        return None
    try:
        X = np.array(orjson.loads(body)["data"], np.float64)
    except (ValueError, LookupError, TypeError, OverflowError):
        return None
    # A null has become NaN, which this finds.
    return X if X.ndim == 2 and X.shape[1] == features and finite(X) else None  # noqa: PLR2004 - rows, features


def encoded(answer: Any) -> bytes:
    """`payload.encode` for the most usual answers: orjson is faster with lists than with arrays."""
    if answer.dtype.char in "dlU":
        return orjson.dumps({"predictions": answer.tolist()})
    return encode(answer)
