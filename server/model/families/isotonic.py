"""IsotonicRegression: a straight line between thresholds.

Source: sklearn/isotonic.py (`_transform`), scipy/interpolate/_interpolate.py (`interp1d` of kind "linear").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.base import Call, Part, as_floats
from server.model.families.state import Family, State, keys

NOT_ONE_FEATURE = "Isotonic regression input X should be a 1d array or 2d array with 1 feature"


def isotonic(state: State) -> Part:
    """Return a regressor of one feature, which is a transformer too."""
    call = interpolation(state)
    methods = {"predict": call, "transform": call}
    return replace(state.part(), methods=methods, direct=methods, width=1)


def interpolation(state: State) -> Call:
    """Return the function of one-dimensional values, or of a matrix of one column."""
    x, y = state.floats("X_thresholds_", None), state.floats("y_thresholds_", None)
    beyond = state.word("out_of_bounds", "nan", "clip", "raise")
    if not len(x) or len(x) != len(y) or not np.isfinite(x).all() or (np.diff(x) < 0).any():
        raise state.unknown("X_thresholds_")
    low, high = state.number("X_min_"), state.number("X_max_")

    def transform(T: Any) -> Any:
        T = _values(T)
        if beyond == "clip":
            T = np.clip(T, low, high)
        if len(x) == 1:
            return y.repeat(T.shape)
        found = np.interp(T, x, y)
        _require_bounds(T, x, raises=beyond == "raise")
        found[(x[0] > T) | (x[-1] < T)] = np.nan
        return found

    return transform


def _values(T: Any) -> Any:
    """Return finite one-dimensional float64 values.

    Raises:
        ValueError: a value is not finite, or there is more than one column.

    """
    T = as_floats(T)
    if not finite(T):
        kind = "NaN" if np.isnan(T).any() else "infinity or a value too large for dtype('float64')"
        raise ValueError(f"Input contains {kind}.")
    if T.ndim != 1 and T.shape[1] != 1:
        raise ValueError(NOT_ONE_FEATURE)
    return T.reshape(-1)


def _require_bounds(T: Any, x: Any, *, raises: bool) -> None:
    if not raises:
        return
    for found, side, end, bound in ((x[0] > T, "below", "minimum", x[0]), (x[-1] < T, "above", "maximum", x[-1])):
        if found.any():
            value = T[np.argmax(found)]
            raise ValueError(f"A value ({value}) in x_new is {side} the interpolation range's {end} value ({bound}).")


ISOTONIC = "sklearn.isotonic.IsotonicRegression"
ISOTONIC_KEYS = keys("y_min y_max increasing out_of_bounds increasing_ X_min_ X_max_ X_thresholds_ y_thresholds_")

FAMILIES: Mapping[str, Family] = {ISOTONIC: Family(isotonic, ISOTONIC_KEYS)}
