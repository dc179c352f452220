"""NumPy's dtypes that an estimator names as a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from server.model.families.state import GIVES_FLOAT32, State

NUMBERS = (
    *("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"),
)

BY_NAME: Mapping[str, Any] = {
    **{f"numpy.{name}": np.dtype(name) for name in NUMBERS},
    "builtins.float": np.dtype(np.float64),
    "builtins.int": np.dtype(np.int64),
}


def dtype_of(state: State, key: str) -> Any:
    """Return the dtype of the estimator's answers, which an attribute names: a class, a string or a dtype."""
    found = state.values.get(key)
    if isinstance(found, np.dtype):
        found = found.name
    name = f"numpy.{found}" if type(found) is str else state.function(key)
    if name not in BY_NAME:
        raise state.unknown(key)
    dtype = BY_NAME[name]
    if dtype.kind == "f" and dtype != np.float64:
        state.traits.add(GIVES_FLOAT32)
    return dtype
