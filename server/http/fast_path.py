"""Fast path for the common request: plain rows in JSON, for a model that is cheap enough for the event loop.

It handles bodies, not HTTP. Each function returns None for any other request, which then takes the regular path.
Without this module every answer would be the same, and slower.
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
from server.inputs.matrix import plain
from server.inputs.plain_rows import PlainReader
from server.labels import array_as_json
from server.protocols.json_answer import encode_json, encode_predictions
from server.telemetry.metrics import Metrics

log = structlog.get_logger()

QUOTES_OF_ONE_KEY = 2
"""In `{"data": …}`."""

ALWAYS_PARSED = 4096
"""Bytes. Up to this size parsing a body costs less than deciding whether to."""

BYTES_A_NUMBER = 32
"""Bytes that a number may need with its separator: `-1.2345678901234567e-300, ` has 25."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint's label in the metrics, and the keys that its rows may stand under."""

    route: str
    keys: Collection[str]


class FastPath:
    """Predictions by KubeServe's own protocol and KServe V1, which have the same answer: `{"predictions": …}`."""

    def __init__(self, predictor: Predictor, metrics: Metrics, model_name: str) -> None:
        self._predictor, self._metrics, self._has_logged = predictor, metrics, False
        self.endpoints = {b"/predict": Endpoint("/predict", ("data",))}
        """By request target. A target with a query or an escape is not in it; the router reads those."""
        if quote(model_name, safe="") == model_name:  # otherwise this target would mean another name
            v1 = Endpoint("/v1/models/{model}:predict", ("instances", "inputs"))
            self.endpoints[f"/v1/models/{model_name}:predict".encode()] = v1

    def answer(self, target: bytes, body: bytes, began: float) -> bytes | None:
        """Return the answer's body and record the request, which began at `began`; None: take the regular path."""
        try:
            return self._answer(target, body, began)
        except Exception as error:  # noqa: BLE001 - the regular path may still answer, or reports what is wrong
            self._log_once(error)
            return None

    def _log_once(self, error: Exception) -> None:
        """Log the first exception only: if one request fails here, all may."""
        if not self._has_logged:
            log.warning(
                "the fast path failed; requests take the regular path", reason=f"{type(error).__name__}: {error}"
            )
        self._has_logged = True

    def _answer(self, target: bytes, body: bytes, began: float) -> bytes | None:
        endpoint = self.endpoints.get(target)
        if endpoint is None or not self._fits(len(body)):
            return None
        started = perf_counter()
        X = self._read(body, endpoint.keys)
        if X is None:
            return None
        parsed = perf_counter()
        answer = self._predictor.predict_direct(X)
        if answer is None:
            return None
        predicted = perf_counter()
        self._predictor.record_duration(len(X), predicted - parsed)
        answers = array_as_json(answer)
        response = encoded(answer, answers)
        self._metrics.record_fast_path(endpoint.route, X, answers, (began, started, parsed, predicted, perf_counter()))
        return response

    def _read(self, body: bytes, keys: Collection[str]) -> Any:
        """Return the rows as the model takes them, or None."""
        X = matrix(body, keys, self._predictor.width)
        read_plain = self._predictor.read_plain
        return plain_rows(body, keys, read_plain) if X is None and read_plain else X

    def _fits(self, size: int) -> bool:
        """Return whether a body of this size may be answered here; any other is parsed once, on the regular path.

        A model of tables or texts has no width here, so its requests are answered here up to ALWAYS_PARSED only.
        """
        most = self._predictor.max_direct_rows
        return bool(most) and size <= ALWAYS_PARSED + most * (self._predictor.width or 0) * BYTES_A_NUMBER


def matrix(body: bytes, keys: Collection[str], features: int | None) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return the rows of a body `{key: rows}` if they are finite numbers, as wide as the model; None otherwise."""
    # With only the key's two quotes there is no string in the rows. NumPy must not get one: it would read "1" as 1.
    if body.count(b'"') != QUOTES_OF_ONE_KEY:
        return None
    try:
        ((key, rows),) = orjson.loads(body).items()
        X = np.array(rows, np.float64)
    except (ValueError, AttributeError, TypeError, OverflowError):
        return None
    # NumPy has made NaN of a null, and may have rounded a large integer; `plain` refuses both.
    return X if key in keys and X.ndim == 2 and X.shape[1] == features and plain(X) else None  # noqa: PLR2004 - rows, features


def plain_rows(body: bytes, keys: Collection[str], read: PlainReader) -> Any:
    """Return what `read` makes of the rows of a body `{key: rows}`; None where there are no such rows."""
    try:
        ((key, rows),) = orjson.loads(body).items()
    except (ValueError, AttributeError):
        return None
    return read(rows) if key in keys and type(rows) is list and rows else None


def encoded(answer: Any, answers: list[Any]) -> bytes:
    """Return what `encode_predictions` does for `answer`; orjson is faster with its list, `answers`."""
    if answer.dtype.char in "dilUO":  # float64, int32, int64, str and objects: their lists give the same JSON
        return encode_json({"predictions": answers})
    return encode_predictions(answer)
