"""The seed's `/predict`, for the requests that most are: numbers as they should be, and a model that answers at once.

Each function gives None for whatever is not such a request; the ordinary way then answers it, or says what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from server.payload import encode


def matrix(body: bytes, features: int | None) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """The body's `data`, if it is rows of floats, as wide as the model. They are finite: JSON has no other numbers."""
    try:
        X = np.array(orjson.loads(body)["data"])
    except (ValueError, LookupError, TypeError):
        return None
    # Whole numbers and booleans among floats become floats here; all else has another dtype: null, strings, no numbers.
    return X if X.dtype == np.float64 and X.ndim == 2 and X.shape[1] == features else None  # noqa: PLR2004 - rows, features


def encoded(answer: Any) -> bytes:
    """`payload.encode` for the most usual answers: orjson is faster with lists than with arrays."""
    if answer.dtype.char in "dlU":
        return orjson.dumps({"predictions": answer.tolist()})
    return encode(answer)
