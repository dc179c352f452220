"""SplineTransformer: each column as the values of B-splines.

Source: sklearn/preprocessing/_polynomial.py (`SplineTransformer.transform`), scipy/interpolate/_bsplines.py
(`BSpline.__call__`). Sparse answers are unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from server.model.families.base import Check, Part, matrix_part
from server.model.families.state import Family, State, keys
from server.model.pickledata.compiled import EVALUATE_SPLINE

MAX_DEGREE = 100


def splines(state: State) -> Part:
    """Return a SplineTransformer."""
    state.must_be("sparse_output", False)
    degree, extrapolation = state.integer("degree", 0, MAX_DEGREE), state.word("extrapolation", *EXTRAPOLATIONS)
    knots, coefficients = _bases(state, degree, extrapolation)
    width, columns = coefficients.shape[1], state.columns
    if extrapolation == "linear" and width < 2:  # noqa: PLR2004 - scikit-learn then writes into other columns
        raise state.unknown("extrapolation")
    order, bias = state.word("order", "C", "F"), state.flag("include_bias")
    if state.integer("n_features_out_") != columns * (width - (not bias)):
        raise state.unknown("n_features_out_")
    kept = [at for at in range(columns * width) if (at + 1) % width]
    fill = EXTRAPOLATIONS[extrapolation]
    bases = [_Basis(each, coefficients, degree, extrapolation in ("continue", "periodic")) for each in knots]

    def transform(X: Any) -> Any:
        out = np.zeros((len(X), columns * width), order=order)
        fill(out, X, bases, degree)
        return out if bias else out[:, kept]

    zeros = state.values.get("handle_missing", "error") == "zeros"
    if not zeros:
        state.must_be("handle_missing", "error")
    return matrix_part(state.part(row_independent=True), {"transform": transform}, Check(state.name, unchecked=zeros))


class _Basis:
    """The splines of one column."""

    def __init__(self, knots: Any, coefficients: Any, degree: int, extrapolates: bool) -> None:
        self.knots = knots
        self._coefficients, self._degree, self._extrapolates = coefficients, degree, extrapolates

    def __call__(self, values: Any, derivative: int = 0) -> Any:
        """Return each spline's value, or its derivative: (values, splines)."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        return EVALUATE_SPLINE(self.knots, self._coefficients, self._degree, values, derivative, self._extrapolates)

    def at(self, value: float, derivative: int = 0) -> Any:
        """Return each spline's value at one point."""
        return self(np.array([value]), derivative)[0]


def _bases(state: State, degree: int, extrapolation: str) -> tuple[list[Any], Any]:
    """Return the knots of each column, and the coefficients of all: of each spline alone."""
    found = [_spline(state, value, degree) for value in state.sequence("bsplines_")]
    if len(found) != state.columns:
        raise state.unknown("bsplines_")
    width = found[0][1].shape[1]
    expected = np.eye(width)
    if extrapolation == "periodic":
        expected = np.concatenate((expected, expected[:degree]))
    for knots, coefficients, extrapolates in found:
        fits = len(knots) == len(expected) + degree + 1 and len(expected) > degree
        if not fits or not np.array_equal(coefficients, expected):
            raise state.unknown("bsplines_")
        if extrapolates is not (extrapolation in ("continue", "periodic")):
            raise state.unknown("bsplines_")
    return [knots for knots, _, _ in found], expected


def _spline(state: State, value: Any, degree: int) -> tuple[Any, Any, Any]:
    """Return (knots, coefficients, whether it extrapolates). Since SciPy 1.17, some names begin with an underscore."""
    values = state.as_record("bsplines_", value, "scipy.interpolate._bsplines.BSpline").state
    if type(values) is not dict or not set(values) <= SPLINE_KEYS:
        raise state.unknown("bsplines_")
    wrapper = state.function_name("bsplines_", values.get("_asarray"))
    if wrapper not in ("", "scipy._lib.array_api_compat.numpy._aliases.asarray"):
        raise state.unknown("bsplines_")
    knots: Any = values.get("_t", values.get("t"))
    coefficients: Any = values.get("_c", values.get("c"))
    for array, dimensions in ((knots, 1), (coefficients, 2)):
        if type(array) is not np.ndarray or array.dtype != np.float64 or array.ndim != dimensions:
            raise state.unknown("bsplines_")
    if not np.isfinite(knots).all() or not (np.diff(knots) >= 0).all():
        raise state.unknown("bsplines_")
    if (values.get("k"), values.get("axis")) != (degree, 0):
        raise state.unknown("bsplines_")
    return np.ascontiguousarray(knots), coefficients, values.get("extrapolate")


# ---- beyond the knots: each writes the splines of all columns, which were zero


def _as_they_are(out: Any, X: Any, bases: Sequence[_Basis], _: int) -> None:
    for column, (basis, block) in enumerate(zip(bases, _blocks(out, bases), strict=True)):
        block[:] = basis(X[:, column])
        block[np.isnan(X[:, column])] = 0


def _refused(out: Any, X: Any, bases: Sequence[_Basis], degree: int) -> None:
    for column, basis in enumerate(bases):
        _as_they_are(_blocks(out, bases)[column], X[:, [column]], [basis], degree)
        if np.isnan(_blocks(out, bases)[column]).any():
            raise ValueError("`X` contains values beyond the limits of the knots.")


def _repeated(out: Any, X: Any, bases: Sequence[_Basis], degree: int) -> None:
    for column, (basis, block) in enumerate(zip(bases, _blocks(out, bases), strict=True)):
        values, knots = X[:, column], basis.knots
        first, last = knots[degree], knots[len(knots) - degree - 1]
        period = last - first
        block[:] = basis(first + (values - first) % period if period > 0 else np.zeros_like(values))
        block[np.isnan(values)] = 0


def _constant(out: Any, X: Any, bases: Sequence[_Basis], degree: int) -> None:
    for column, (basis, block) in enumerate(zip(bases, _blocks(out, bases), strict=True)):
        values, low, high = _inside(block, X[:, column], basis, degree)
        width = block.shape[1]
        if (below := values < low).any():
            block[below, :degree] = basis.at(low)[:degree]
        if (above := values > high).any():
            block[above, width - degree :] = basis.at(high)[-degree:]


def _linear(out: Any, X: Any, bases: Sequence[_Basis], degree: int) -> None:
    for column, (basis, block) in enumerate(zip(bases, _blocks(out, bases), strict=True)):
        values, low, high = _inside(block, X[:, column], basis, degree)
        least, most, slopes_below, slopes_above = (basis.at(end, nu) for nu in (0, 1) for end in (low, high))
        if degree <= 1:
            degree += 1  # in scikit-learn too, and it stays so for the next column
        below, above = values < low, values > high
        for spline in range(degree):
            if below.any():
                block[below, spline] = least[spline] + (values[below] - low) * slopes_below[spline]
            if above.any():
                other = block.shape[1] - 1 - spline
                block[above, other] = most[other] + (values[above] - high) * slopes_above[other]


def _inside(block: Any, values: Any, basis: _Basis, degree: int) -> tuple[Any, Any, Any]:
    """Write the splines of the values between both ends. Return the values and both ends."""
    low, high = basis.knots[degree], basis.knots[-degree - 1]
    inside = (low <= values) & (values <= high)
    block[inside] = basis(values[inside])
    return values, low, high


def _blocks(out: Any, bases: Sequence[_Basis]) -> list[Any]:
    """Return each column's part of the answer."""
    return np.split(out, len(bases), axis=1)


EXTRAPOLATIONS: Mapping[str, Callable[[Any, Any, Sequence[_Basis], int], None]] = {
    "constant": _constant,
    "continue": _as_they_are,
    "error": _refused,
    "linear": _linear,
    "periodic": _repeated,
}

SPLINE_KEYS = keys("t c _t _c k extrapolate axis _asarray")

FAMILIES: Mapping[str, Family] = {
    "sklearn.preprocessing._polynomial.SplineTransformer": Family(
        splines,
        keys(
            "n_knots degree knots extrapolation include_bias order handle_missing sparse_output bsplines_"
            " n_features_out_"
        ),
    )
}
