"""The seed's `/predict`, for the requests that most are: numbers as they should be, and a model that answers at once.

Each function gives None for whatever is not such a request; the ordinary way then answers it, or says what is wrong.
Without this file all answers would be the same, and later.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
import orjson

from server.answers import JsonAnswer
from server.matrices import finite
from server.metrics import Metrics
from server.payload import encode
from server.predictor import CHEAP, Predictor

QUOTES = 2
"""In `{"data": …}`."""

SMALL = 4096
"""Bytes. A body up to here is parsed sooner than it is known whether it should be."""

NUMBER = 32
"""Bytes that a number may need, with what separates it: `-1.2345678901234567e-300, ` are 25."""


class Hot:
    """The whole of it: bytes in, a response out."""

    def __init__(self, predictor: Predictor, metrics: Metrics) -> None:
        self._predictor, self._metrics = predictor, metrics

    def answer(self, body: bytes, began: float) -> JsonAnswer | None:
        """The answer, counted; `began` is when the request did."""
        if not self._suits(len(body)):
            return None
        started = perf_counter()
        X = matrix(body, self._predictor.features)
        if X is None:
            return None
        parsed = perf_counter()
        answer = self._predictor.at_once(X)
        if answer is None:
            return None
        predicted = perf_counter()
        response = JsonAnswer(encoded(answer, self._predictor.labels))
        self._metrics.served((X, answer, began, started, parsed, predicted, perf_counter()))
        return response

    def _suits(self, size: int) -> bool:
        """Whether a body of so many bytes may be answered here: what is not is parsed once, on the ordinary way."""
        model = self._predictor.model
        if model is None:
            return False
        predict = model.methods["predict"]
        if predict.direct is None:
            return False
        return size <= SMALL or size <= SMALL + predict.cost.rows_in(CHEAP) * (model.schema.features or 0) * NUMBER


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


def encoded(answer: Any, labels: Any = None) -> bytes:
    """`payload.encode` for the most usual answers: orjson is faster with lists than with arrays."""
    if labels is not None:
        return orjson.dumps({"predictions": labels.take(answer).tolist()})
    if answer.dtype.char in "dlU":
        return orjson.dumps({"predictions": answer.tolist()})
    return encode(answer)
