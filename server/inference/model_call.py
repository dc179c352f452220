"""Call the model's own code: for one request, or once for several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = Callable[[Any], Any]

REFUSALS_OF_LIBRARIES = frozenset({"CatBoostError", "LightGBMError", "SchemaError", "SchemaErrors"})
"""Names of exceptions that are no ValueError although a library raises them for input that it does not take: CatBoost,
LightGBM, and pandera's schemas in a pipeline's own transformers. The errors of scikit-learn, XGBoost, category_encoders
and pandas for such input are ValueErrors. By name, because a library that no model uses is not installed."""


def call_batch(call: Call, parts: list[Any]) -> list[Any]:
    """Return the result, or the exception, of each part.

    One call is made for all parts. If it fails, or the result does not have one entry for each row, each part is
    called alone, so that a bad request does not fail the others.
    """
    if len(parts) > 1:
        result = call_one(lambda joined: call(np.concatenate(joined)), parts)
        if isinstance(result, np.ndarray) and len(result) == sum(map(len, parts)):
            return _split(result, parts)
    return [call_one(call, part) for part in parts]


def call_one(call: Call, part: Any) -> Any:
    """Return the result, or the exception. The exception is one that a coroutine may raise.

    The model's code may raise anything. StopIteration cannot be set on a future, and SystemExit would end the server.
    """
    try:
        return call(part)
    except KeyboardInterrupt:  # the developer's Ctrl-C
        raise
    except BaseException as error:  # noqa: BLE001 - the model's own code
        is_ordinary = isinstance(error, Exception) and not isinstance(error, StopIteration)
        return error if is_ordinary else RuntimeError(type(error).__name__)


def is_refusal(error: Exception) -> bool:
    """Return whether the model's code raised this because of its input, so that the client can mend it."""
    if isinstance(error, ValueError):
        return True
    return any(kind.__name__ in REFUSALS_OF_LIBRARIES for kind in type(error).__mro__)


def _split(result: np.ndarray[Any, Any], parts: list[Any]) -> list[Any]:
    split, start = [], 0
    for part in parts:
        split.append(result[start : start + len(part)])
        start += len(part)
    return split
