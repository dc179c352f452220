"""The requests that most are: numbers as they should be, for a model that answers at once. Bodies only, no HTTP.

Each function gives None for whatever is not such a request; the ordinary way then answers it, or says what is wrong.
Without this file all answers would be the same, and later.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
import structlog

from server.inference.predictor import Predictor
from server.inputs.matrix import finite
from server.protocols.json_answer import encode_predictions
from server.telemetry.metrics import Metrics

log = structlog.get_logger()

QUOTES = 2
"""In `{"data": …}`."""

SMALL = 4096
"""Bytes. A body up to here is parsed sooner than it is known whether it should be."""

NUMBER = 32
"""Bytes that a number may need, with what separates it: `-1.2345678901234567e-300, ` are 25."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What metrics call it, and the names that the rows may have."""

    route: str
    keys: Collection[str]


class FastPath:
    """The seed's and KServe V1's predictions, which have one answer: `{"predictions": …}`."""

    def __init__(self, predictor: Predictor, metrics: Metrics, model_name: str) -> None:
        self._predictor, self._metrics, self._told = predictor, metrics, False
        self.endpoints = {b"/predict": Endpoint("/predict", ("data",))}
        """By the target of their requests: with a query or an escape in it, it is left to the router."""
        if quote(model_name, safe="") == model_name:  # else this target would mean another name, or none
            v1 = Endpoint("/v1/models/{model}:predict", ("instances", "inputs"))
            self.endpoints[f"/v1/models/{model_name}:predict".encode()] = v1

    def answer(self, target: bytes, body: bytes, began: float) -> bytes | None:
        """The answer's body, counted; `began` is when the request did."""
        try:
            return self._answer(target, body, began)
        except Exception as error:  # noqa: BLE001 - the ordinary way may yet answer, or says what is wrong
            self._tell(error)
            return None

    def _tell(self, error: Exception) -> None:
        """Once: where one request fails here, all may."""
        if not self._told:
            log.warning("requests take the ordinary way", reason=f"{type(error).__name__}: {error}")
        self._told = True

    def _answer(self, target: bytes, body: bytes, began: float) -> bytes | None:
        endpoint = self.endpoints.get(target)
        if endpoint is None or not self._suits(len(body)):
            return None
        started = perf_counter()
        X = matrix(body, endpoint.keys, self._predictor.features)
        if X is None:
            return None
        parsed = perf_counter()
        answer = self._predictor.predict_direct(X)
        if answer is None:
            return None
        predicted = perf_counter()
        self._predictor.record_duration(len(X), predicted - parsed)
        answers = answer.tolist()
        response = encoded(answer, answers)
        self._metrics.record_fast_path(endpoint.route, X, answers, (began, started, parsed, predicted, perf_counter()))
        return response

    def _suits(self, size: int) -> bool:
        """Whether a body of so many bytes may be answered here: what is not is parsed once, on the ordinary way."""
        most = self._predictor.max_direct_rows
        return bool(most) and size <= SMALL + most * (self._predictor.features or 0) * NUMBER


def matrix(body: bytes, keys: Collection[str], features: int | None) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """The body's one value under one of `keys`, if it is rows of finite numbers, as wide as the model."""
    # NumPy is fastest when told the type, and then reads "1" as 1: so the only string may be the key itself.
    if body.count(b'"') != QUOTES:
        return None
    try:
        ((key, rows),) = orjson.loads(body).items()
        X = np.array(rows, np.float64)
    except (ValueError, AttributeError, TypeError, OverflowError):
        return None
    # A null has become NaN, which this finds.
    return X if key in keys and X.ndim == 2 and X.shape[1] == features and finite(X) else None  # noqa: PLR2004 - rows, features


def encoded(answer: Any, answers: list[Any]) -> bytes:
    """`encode_predictions` for the most usual answers: orjson is faster with lists than with arrays."""
    if answer.dtype.char in "dlU":
        return orjson.dumps({"predictions": answers})
    return encode_predictions(answer)
