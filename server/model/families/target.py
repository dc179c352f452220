"""TransformedTargetRegressor: a regressor of a transformed target, and the way back.

Source: sklearn/compose/_target.py, `inverse_transform` in sklearn/preprocessing/_data.py and _function_transformer.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families import scalers
from server.model.families.base import Call, Part, Unsuited
from server.model.families.function_transformer import FUNCTION_KEYS, FUNCTION_TRANSFORMER, FUNCTIONS
from server.model.families.scalers import robust_numbers, standard_numbers
from server.model.families.state import Family, State, keys
from server.model.pickledata.records import Unknown, name_of


def target(state: State) -> Part:
    """Return the regressor, with predictions as the target was before it was transformed."""
    inner = state.child("regressor_")
    flat = state.integer("_training_dim", 1, 2) == 1
    inverse = _inverse(state)
    methods = {name: _back(call, inverse, flat) for name, call in inner.methods.items() if name == "predict"}
    direct = {name: _back_directly(call, inverse, flat) for name, call in inner.direct.items() if name == "predict"}
    if not methods:
        raise state.unknown("regressor_")
    return replace(inner, name=state.name, methods=methods, direct=direct, gives_sparse=False)


def _back(call: Call, inverse: Call, flat: bool) -> Call:
    def predict(X: Any) -> Any:
        found = call(X)
        found = inverse(found.reshape(-1, 1) if found.ndim == 1 else found)
        return found.squeeze(axis=1) if flat and found.ndim == 2 and found.shape[1] == 1 else found  # noqa: PLR2004 - rows and targets

    return predict


def _back_directly(call: Call, inverse: Call, flat: bool) -> Call:
    """Return the direct method, for finite predictions."""

    def predict(X: Any) -> Any:
        found = call(X)
        if not finite(found):
            raise Unsuited
        return found

    return _back(predict, inverse, flat)


def _inverse(state: State) -> Call:
    """Return the way back of the fitted `transformer_`."""
    name = name_of(state.values.get("transformer_"))
    if name == FUNCTION_TRANSFORMER:
        return _inverse_function(state.inside("transformer_", FUNCTION_KEYS, name))
    if name not in INVERSES:
        raise Unknown(f"{state.name} with {name.rpartition('.')[2][:60]} is not known as data")
    scaler = state.inside("transformer_", scalers.FAMILIES[name].keys, name)
    return _checked(INVERSES[name](scaler), scaler.columns, nan=True)


def _inverse_function(state: State) -> Call:
    """Return a function of NumPy, or of nothing."""
    if state.values.get("inv_kw_args") not in (None, {}):
        raise state.unknown("inv_kw_args")
    name = state.function("inverse_func")
    if name and name not in FUNCTIONS:
        raise state.unknown("inverse_func")
    call: Call = FUNCTIONS[name] if name else lambda y: y
    return _checked(call, None, nan=False) if state.flag("validate") else call


def _checked(inverse: Call, width: int | None, *, nan: bool) -> Call:
    """Return the way back for predictions that scikit-learn's `check_array` takes."""

    def check_and_invert(found: Any) -> Any:
        if not finite(found):
            if not nan and np.isnan(found).any():
                raise ValueError("Input contains NaN.")
            if np.isinf(found).any():
                raise ValueError("Input contains infinity or a value too large for dtype('float64').")
        if width is not None and found.shape[1] != width:
            raise ValueError(f"operands could not be broadcast together with shapes {found.shape} ({width},)")
        return inverse(found)

    return check_and_invert


def _standard(state: State) -> Call:
    return _times_and_plus(*standard_numbers(state))


def _robust(state: State) -> Call:
    return _times_and_plus(*robust_numbers(state))


def _max_abs(state: State) -> Call:
    return _times_and_plus(None, state.fitted_floats("scale_", state.columns))


def _min_max(state: State) -> Call:
    scale, shift = state.fitted_floats("scale_", state.columns), state.fitted_floats("min_", state.columns)
    return lambda y: (y - shift) / scale


def _times_and_plus(shift: Any, scale: Any) -> Call:
    def invert(y: Any) -> Any:
        y = y if scale is None else y * scale
        return y if shift is None else y + shift

    return invert


SCALERS = "sklearn.preprocessing._data."
INVERSES: Mapping[str, Callable[[State], Call]] = {
    f"{SCALERS}MaxAbsScaler": _max_abs,
    f"{SCALERS}MinMaxScaler": _min_max,
    f"{SCALERS}RobustScaler": _robust,
    f"{SCALERS}StandardScaler": _standard,
}

FAMILIES: Mapping[str, Family] = {
    "sklearn.compose._target.TransformedTargetRegressor": Family(
        target,
        keys("regressor transformer func inverse_func check_inverse regressor_ transformer_ _training_dim"),
    ),
}
