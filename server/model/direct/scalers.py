"""Transformers of numbers: each one's own arithmetic on finite rows. No function writes into its input.

A function returns None where it leaves the transformation to scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from server.model.families.base import Call


def standard(step: Any) -> Call:
    """Return a StandardScaler's arithmetic."""
    return _shifted_and_divided(step.mean_ if step.with_mean else None, step.scale_ if step.with_std else None)


def robust(step: Any) -> Call:
    """Return a RobustScaler's arithmetic."""
    return _shifted_and_divided(
        step.center_ if step.with_centering else None, step.scale_ if step.with_scaling else None
    )


def min_max(step: Any) -> Call:
    """Return a MinMaxScaler's arithmetic."""
    scale, shift = step.scale_, step.min_
    if not step.clip:
        return lambda X: X * scale + shift
    low, high = step.feature_range
    return lambda X: np.clip(X * scale + shift, low, high)


def max_abs(step: Any) -> Call | None:
    """Return a MaxAbsScaler's arithmetic, or None if it clips."""
    return None if getattr(step, "clip", False) else _shifted_and_divided(None, step.scale_)


def imputer(step: Any) -> Call | None:
    """Return a SimpleImputer's arithmetic: finite rows stay as they are, because no value is missing.

    None if the imputer drops columns (their statistics are NaN), adds columns, replaces something other than NaN, or
    was not fitted on floats.
    """
    statistics = getattr(step, "statistics_", None)
    numeric = isinstance(statistics, np.ndarray) and statistics.dtype.kind == "f" and np.isfinite(statistics).all()
    looks_for_nan = isinstance(step.missing_values, float) and np.isnan(step.missing_values)
    return (lambda X: X) if numeric and looks_for_nan and not step.add_indicator else None


def _shifted_and_divided(shift: Any, scale: Any) -> Call:
    if shift is not None and scale is not None:
        return lambda X: (X - shift) / scale
    if shift is not None:
        return lambda X: X - shift
    return (lambda X: X / scale) if scale is not None else (lambda X: X)
