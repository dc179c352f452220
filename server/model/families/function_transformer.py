"""FunctionTransformer with a function of NumPy, from a closed list: the file's name for it is only compared.

Source: sklearn/preprocessing/_function_transformer.py. A table stays a table: NumPy computes column by column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.inputs.named_table import NamedTable
from server.model.families.base import Call, Check, Part
from server.model.families.state import Family, State, keys

FUNCTION_TRANSFORMER = "sklearn.preprocessing._function_transformer.FunctionTransformer"
FUNCTION_KEYS = keys("func inverse_func validate accept_sparse check_inverse feature_names_out kw_args inv_kw_args")

MODULES = ("numpy", "numpy._core._multiarray_umath", "numpy.core._multiarray_umath")
"""Where NumPy's pickles say that its functions are: since 2.2, in 2.0 and 2.1, and before."""

FUNCTIONS: Mapping[str, Any] = {
    f"{module}.{function.__name__}": function
    for module in MODULES
    for function in (
        *(np.absolute, np.fabs, np.negative, np.positive, np.sign, np.reciprocal, np.square, np.sqrt, np.cbrt),
        *(np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p),
        *(np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh, np.tanh),
        *(np.arcsinh, np.arccosh, np.arctanh, np.degrees, np.radians, np.deg2rad, np.rad2deg),
        *(np.rint, np.floor, np.ceil, np.trunc, np.isnan, np.isfinite, np.isinf, np.signbit),
    )
}
"""Functions that compute each value by itself, by full name."""


def function_transformer(state: State) -> Part:
    """Return a FunctionTransformer."""
    name = state.function("func")
    if state.values.get("kw_args") not in (None, {}) or (name and name not in FUNCTIONS):
        raise state.unknown("func")
    function = FUNCTIONS[name] if name else _nothing
    validated = state.flag("validate")
    check = Check(state.name)

    def on_table(X: NamedTable) -> NamedTable:
        return NamedTable(X.names, [function(column) for column in X.columns])

    def transform(X: Any) -> Any:
        if validated:
            return function(check.numbers(X))
        return on_table(X) if type(X) is NamedTable else function(X)

    direct: Call = function
    return replace(state.part(row_independent=True), methods={"transform": transform}, direct={"transform": direct})


def _nothing(X: Any) -> Any:
    return X


FAMILIES: Mapping[str, Family] = {FUNCTION_TRANSFORMER: Family(function_transformer, FUNCTION_KEYS)}
