"""Fit models of other libraries, rebuild each from its state, and compare every bit of the answers.

It runs in an environment that has these libraries. It prints one JSON object: for each model "equal", or what differs.
"""

from __future__ import annotations

import json
import pickle
import warnings
from typing import Any

import lightgbm
import numpy as np
import xgboost

from server.model.pickledata.records import Unknown
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import assert_equal_to, hostile_matrices

warnings.simplefilter("ignore")
HOLES = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
ROWS = {"full": X, "holes": HOLES, "whole": np.round(X)}
NUMBERED = {f"{key} by number": np.unique(TARGETS[key], return_inverse=True)[1] for key in ("two", "three")}
Y = {**TARGETS, **NUMBERED, "positive": np.exp(TARGETS["number"])}
GROWN = {"n_estimators": 20, "min_child_samples": 3, "verbose": -1}
DEEP = {"n_estimators": 20, "max_depth": 4}
Classifier, Regressor = lightgbm.LGBMClassifier, lightgbm.LGBMRegressor
MODELS: dict[str, tuple[Any, str]] = {
    "lightgbm of two": (Classifier(**GROWN), "two"),
    "lightgbm of three": (Classifier(**GROWN), "three"),
    "lightgbm of a number": (Regressor(**GROWN), "number"),
    "lightgbm of a quantile": (Regressor(**GROWN, objective="quantile"), "number"),
    "lightgbm of counts": (Regressor(**GROWN, objective="poisson"), "positive"),
    "lightgbm with dropout": (Regressor(**GROWN, boosting_type="dart"), "number"),
    "xgboost of two": (xgboost.XGBClassifier(**DEEP), "two by number"),
    "xgboost of three": (xgboost.XGBClassifier(**DEEP), "three by number"),
    "xgboost of a number": (xgboost.XGBRegressor(**DEEP), "number"),
    "xgboost of absolute errors": (xgboost.XGBRegressor(**DEEP, objective="reg:absoluteerror"), "number"),
    "xgboost of three forests": (xgboost.XGBRegressor(**DEEP, num_parallel_tree=3, subsample=0.5), "number"),
    "xgboost of counts": (xgboost.XGBRegressor(**DEEP, objective="count:poisson"), "positive"),
}


def compared(model: Any) -> str:
    """Return "equal", or what differs between the library's answers and the part's."""
    inputs = [*hostile_matrices(X), HOLES, np.round(X).astype(np.int64) * 1_000_003]
    try:
        assert_equal_to(model, inputs)
        assert_equal_to(pickle.loads(pickle.dumps(model)), inputs)
    except (AssertionError, Unknown) as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "equal"


def stopped() -> Any:
    """Return forests in stages that stopped early: the model keeps more of them than it uses."""
    model = xgboost.XGBRegressor(
        max_depth=4, num_parallel_tree=3, subsample=0.5, n_estimators=60, early_stopping_rounds=3, learning_rate=0.8
    )
    half = len(X) // 2
    return model.fit(X[:half], Y["number"][:half], eval_set=[(X[half:], Y["number"][half:])], verbose=False)


found = {
    f"{name}, {kind}": compared(model.fit(rows, Y[target]))
    for name, (model, target) in MODELS.items()
    for kind, rows in ROWS.items()
}
found["xgboost of forests, stopped early"] = compared(stopped())
print(json.dumps(found))
