"""Pipelines of steps that are known: each step's own arithmetic, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.model.families.errors import Unsuited
from server.model.row_independence import name_of

Call = Callable[[Any], Any]


def methods(steps: list[tuple[str, Any]], of: Callable[[Any], dict[str, Call]]) -> dict[str, Call]:
    """The last step's methods behind the transformers before it; empty if one of them is not known."""
    *before, last = [step for _, step in steps if step not in (None, "passthrough")] or [None]
    transforms = [transform_of(step) for step in before]
    if not all(transforms):
        return {}
    return {name: _behind([it for it in transforms if it], call) for name, call in of(last).items()}


def _behind(transforms: list[Call], call: Call) -> Call:
    def through(X: Any) -> Any:
        for transform in transforms:
            X = transform(X)
        if transforms and not finite(X):  # huge numbers may leave the range of a float
            raise Unsuited
        return call(X)

    return through


def transform_of(step: Any) -> Call | None:
    """How a known transformer changes finite rows, into a new array."""
    known = TRANSFORMS.get(name_of(step))
    return known(step) if known else None


def _standard(step: Any) -> Call:
    return _shifted_and_divided(step.mean_ if step.with_mean else None, step.scale_ if step.with_std else None)


def _robust(step: Any) -> Call:
    return _shifted_and_divided(
        step.center_ if step.with_centering else None, step.scale_ if step.with_scaling else None
    )


def _shifted_and_divided(shift: Any, scale: Any) -> Call:
    if shift is not None and scale is not None:
        return lambda X: (X - shift) / scale
    if shift is not None:
        return lambda X: X - shift
    return (lambda X: X / scale) if scale is not None else (lambda X: X)


def _min_max(step: Any) -> Call | None:
    scale, shift = step.scale_, step.min_
    if not step.clip:
        return lambda X: X * scale + shift
    low, high = step.feature_range
    return lambda X: np.clip(X * scale + shift, low, high)


def _max_abs(step: Any) -> Call | None:
    return None if getattr(step, "clip", False) else _shifted_and_divided(None, step.scale_)


def _imputer(step: Any) -> Call | None:
    """Finite rows miss nothing, so they stay as they are, unless the imputer drops or adds columns."""
    statistics = getattr(step, "statistics_", None)
    numeric = isinstance(statistics, np.ndarray) and statistics.dtype.kind == "f" and np.isfinite(statistics).all()
    looks_for_nan = isinstance(step.missing_values, float) and np.isnan(step.missing_values)
    return (lambda X: X) if numeric and looks_for_nan and not step.add_indicator else None


TRANSFORMS: dict[str, Callable[[Any], Call | None]] = {
    "sklearn.impute._base.SimpleImputer": _imputer,
    "sklearn.preprocessing._data.MaxAbsScaler": _max_abs,
    "sklearn.preprocessing._data.MinMaxScaler": _min_max,
    "sklearn.preprocessing._data.RobustScaler": _robust,
    "sklearn.preprocessing._data.StandardScaler": _standard,
}
