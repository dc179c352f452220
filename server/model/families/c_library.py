"""float32 functions of the C library, for libraries that call them: NumPy's own have other last bits."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


@cache
def _function(name: str) -> Any:
    import ctypes  # noqa: PLC0415 - takes milliseconds, and few models need it

    function = getattr(ctypes.CDLL(None), name)  # Python itself is linked to the mathematical part
    function.restype, function.argtypes = ctypes.c_float, [ctypes.c_float]
    return function


def exp32(values: Any) -> Any:
    """Return `expf` of float32 values, one after another."""
    return _each("expf", values)


def log32(values: Any) -> Any:
    """Return `logf` of float32 values, one after another."""
    return _each("logf", values)


def _each(name: str, values: Any) -> Any:
    function = _function(name)
    return np.array([function(value) for value in values.ravel().tolist()], np.float32).reshape(values.shape)
