"""TransformedTargetRegressors as data give the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from server.model.families.registry import part_of
from server.model.pickledata.records import Name, Unknown, as_record
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import REMOVED, assert_equal_to, assert_unknown_with, hostile_matrices

MODELS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "logarithm": {"func": np.log1p, "inverse_func": np.expm1},
    "root": {"func": np.sqrt, "inverse_func": np.square},
    "sign": {"func": np.square, "inverse_func": np.sign, "check_inverse": False},
    "unchecked": {"transformer": FunctionTransformer(np.log1p, np.expm1)},
    "standard": {"transformer": StandardScaler()},
    "standard without shift": {"transformer": StandardScaler(with_mean=False)},
    "standard without scale": {"transformer": StandardScaler(with_std=False)},
    "robust": {"transformer": RobustScaler()},
    "min max": {"transformer": MinMaxScaler((2, 5), clip=True)},
    "max abs": {"transformer": MaxAbsScaler()},
}


@pytest.mark.parametrize("target", ["number", "numbers"])
@pytest.mark.parametrize("name", MODELS)
def test_part_of_a_regressor_of_a_transformed_target_gives_the_answers_of_scikit_learn(name: str, target: str) -> None:
    model = TransformedTargetRegressor(LinearRegression(), **MODELS[name]).fit(X, np.abs(TARGETS[target]))
    assert_equal_to(model, list(hostile_matrices(X)))
    assert part_of(model).direct


def test_inverse_function_is_found_under_each_name_that_numpy_had() -> None:
    model = TransformedTargetRegressor(LinearRegression(), **MODELS["logarithm"]).fit(X, np.abs(TARGETS["number"]))
    for module in ("numpy", "numpy.core._multiarray_umath", "numpy._core._multiarray_umath"):
        record = as_record(model)
        inner = as_record(record.state["transformer_"])
        inner.state = {**inner.state, "inverse_func": Name(f"{module}.expm1")}
        record.state = {**record.state, "transformer_": inner}
        assert_equal_to(model, [X], part_of(record))


@pytest.mark.parametrize("function", [Name("os.system"), Name("numpy.load"), Name("builtins.exp"), print])
def test_inverse_function_that_is_not_in_the_list_is_unknown(function: Any) -> None:
    record = as_record(TransformedTargetRegressor(LinearRegression(), **MODELS["logarithm"]).fit(X, abs(X[:, 0])))
    inner = as_record(record.state["transformer_"])
    inner.state = {**inner.state, "inverse_func": function}
    record.state = {**record.state, "transformer_": inner}
    with pytest.raises(Unknown):
        part_of(record)


FITTED = TransformedTargetRegressor(LinearRegression(), transformer=StandardScaler()).fit(X, TARGETS["number"])
WIDE = StandardScaler().fit(X)
WIDE.scale_ = np.ones(2)


@pytest.mark.parametrize(
    "changes",
    [
        {"regressor_": REMOVED},
        {"regressor_": StandardScaler().fit(X)},
        {"_training_dim": 3},
        {"_training_dim": REMOVED},
        {"transformer_": REMOVED},
        {"transformer_": None},
        {"transformer_": LinearRegression().fit(X, TARGETS["number"])},
        {"transformer_": PowerTransformer().fit(X[:, :1])},
        {"transformer_": FunctionTransformer(np.log1p, np.expm1, inv_kw_args={"where": True})},
        {"transformer_": WIDE},
        {"another": 1},
    ],
)
def test_part_of_a_regressor_of_a_transformed_target_with_another_state_is_unknown(changes: Any) -> None:
    assert_unknown_with(FITTED, **changes)
