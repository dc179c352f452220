"""Kernel ridge regression: each row's kernel with the training rows, times their coefficients.

Source: sklearn/kernel_ridge.py, sklearn/metrics/pairwise.py. Other kernels than these are unknown, and sparse rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.state import Family, State, keys


def kernel_ridge(state: State) -> Part:
    """Return a KernelRidge of one output or several."""
    fitted = state.array("X_fit_", "fiu", None, state.columns)
    if fitted.dtype.kind == "f":
        state.as_fitted("X_fit_", fitted)
    fitted = fitted.astype(np.float64, order="K")
    shape = (len(fitted),) if getattr(state.values.get("dual_coef_"), "ndim", 0) == 1 else (len(fitted), None)
    coefficients = state.fitted_floats("dual_coef_", *shape)
    if not np.isfinite(fitted).all():
        raise state.unknown("X_fit_")
    kernel = KERNELS[state.word("kernel", *KERNELS)](state, fitted)
    return matrix_part(state.part(), {"predict": lambda X: np.dot(kernel(X), coefficients)}, Check(state.name))


def _linear(_: State, fitted: Any) -> Call:
    return lambda X: X @ fitted.T


def _polynomial(state: State, fitted: Any) -> Call:
    gamma, constant, degree = _gamma(state), _number(state, "coef0"), _number(state, "degree")

    def kernel(X: Any) -> Any:
        found = X @ fitted.T
        found *= gamma
        found += constant
        found **= degree
        return found

    return kernel


def _sigmoid(state: State, fitted: Any) -> Call:
    gamma, constant = _gamma(state), _number(state, "coef0")

    def kernel(X: Any) -> Any:
        found = X @ fitted.T
        found *= gamma
        found += constant
        return np.tanh(found, out=found)

    return kernel


def _radial(state: State, fitted: Any) -> Call:
    gamma, norms = _gamma(state), np.einsum("ij,ij->i", fitted, fitted)

    def kernel(X: Any) -> Any:
        found = -2 * (X @ fitted.T)
        found += np.einsum("ij,ij->i", X, X)[:, np.newaxis]
        found += norms
        np.maximum(found, 0, out=found)
        found *= -gamma
        return np.exp(found, out=found)

    return kernel


def _gamma(state: State) -> float:
    return 1.0 / state.columns if state.values.get("gamma") is None else _number(state, "gamma")


def _number(state: State, key: str) -> float:
    """Return a number of Python: NumPy may raise to a power of its own in other steps."""
    if type(state.values.get(key)) not in (int, float):
        raise state.unknown(key)
    return state.number(key)


KERNELS: Mapping[str, Callable[[State, Any], Call]] = {
    "linear": _linear,
    "poly": _polynomial,
    "polynomial": _polynomial,
    "rbf": _radial,
    "sigmoid": _sigmoid,
}

FAMILIES: Mapping[str, Family] = {
    "sklearn.kernel_ridge.KernelRidge": Family(
        kernel_ridge, keys("alpha kernel gamma degree coef0 kernel_params dual_coef_ X_fit_")
    )
}
