"""Fit models of other libraries, rebuild each from its state, and compare every bit of the answers.

It runs in an environment that has these libraries, for some kinds of rows: `python compare_families.py full holes`.
It prints one JSON object: for each model "equal", or what differs.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import xgboost

from server.model.explanation.explainer import Explainer
from server.model.introspection import inspect_estimator
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


def compared(model: Any, tables: Sequence[Any] = ()) -> str:
    """Return "equal", or what differs between the library's answers and the part's."""
    inputs = tables or [*hostile_matrices(X), HOLES, np.round(X).astype(np.int64) * 1_000_003]
    try:
        assert_equal_to(model, inputs)
        assert_equal_to(pickle.loads(pickle.dumps(model)), inputs)
    except (AssertionError, Unknown) as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "equal"


def explained(model: Any, rows: Any) -> str:
    """Return "equal" if the contributions add up to the score, and are those of XGBoost where it is the library."""
    explainer, answers = Explainer(model, inspect_estimator(model)), model.predict(rows[:ASKED])
    found = [explainer.explain(rows, row, answer) for row, answer in enumerate(answers.tolist())]
    if not isinstance(model, xgboost.XGBModel):
        return "equal"  # the explainer raises where the sum is another
    asked = xgboost.DMatrix(rows[:ASKED])
    own = model.get_booster().predict(asked, pred_contribs=True, approx_contribs=True)
    for row, each in enumerate(found):
        ours = np.zeros(rows.shape[1] + 1)
        for part in each.contributions:
            ours[int(part.feature[1:])] = part.contribution
        ours[-1] = each.base
        theirs = own[row, answers[row]] if own.ndim == 3 else own[row]
        if not np.allclose(ours, theirs, atol=1e-5):
            return f"explained as {ours}, and by the library as {theirs}"
    return "equal"


ASKED = 5
"""Rows that are explained."""


def stopped() -> Any:
    """Return forests in stages that stopped early: the model keeps more of them than it uses."""
    model = xgboost.XGBRegressor(
        max_depth=4, num_parallel_tree=3, subsample=0.5, n_estimators=60, early_stopping_rounds=3, learning_rate=0.8
    )
    half = len(X) // 2
    return model.fit(X[:half], Y["number"][:half], eval_set=[(X[half:], Y["number"][half:])], verbose=False)


MANY = [f"street {number}" for number in range(600)]
CATEGORIES: dict[str, Sequence[Any]] = {
    "city": ["Bern", "Oslo", "Paris", "Rome", "Zurich"],
    "stars": [5, 7, 9],
    "street": MANY,
}
ORDERED = {"grade": ["low", "middle", "high", "highest"]}
OF_LIGHTGBM: dict[str, Sequence[Any]] = {**ORDERED, "open": [False, True], "size": [0.5, 1.25, 3.0]}


def table(rows: int, seed: int, *, more: bool, holes: float = 0.0) -> pd.DataFrame:
    """Return a table of numbers and categories, with `more` of those that XGBoost refuses and ordered ones."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {"fare": rng.normal(size=rows) * 100, "rooms": rng.integers(0, 9, rows)}
    for name, values in {**(OF_LIGHTGBM if more else {}), **CATEGORIES}.items():
        codes = rng.integers(0, len(values), rows)
        codes[rng.random(rows) < holes] = -1
        found[name] = pd.Categorical.from_codes(codes, categories=pd.Index(values), ordered=name in ORDERED)
    found["age"] = np.where(rng.random(rows) < holes, np.nan, rng.normal(size=rows))
    return pd.DataFrame(found)


def tables(*, more: bool) -> list[pd.DataFrame]:
    """Return tables as the server gives them: each with all categories of the model."""
    return [
        table(rows, rows + seed, more=more, holes=holes)
        for rows in (1, 2, 33, 500)
        for seed in range(12 if rows < 3 else 1)
        for holes in (0.0, 0.3)
    ]


def scored(X: pd.DataFrame) -> Any:
    """Return numbers that depend on every kind of column."""
    codes = [X[name].cat.codes.to_numpy() for name in X if isinstance(X[name].dtype, pd.CategoricalDtype)]
    return X["fare"].to_numpy() / 100 + sum(np.sin(each * 1.7) for each in codes)


def of_categories(model: Any, target: str, *, more: bool, holes: float) -> str:
    """Return the comparison for a model of a table of categories."""
    train = table(4000, 0, more=more, holes=holes)
    score = scored(train)
    kinds = {"two": (score > 0).astype(int), "three": np.digitize(score, [-1, 1])}
    return compared(model.fit(train, kinds.get(target, score)), tables(more=more))


OF_CATEGORIES: dict[str, tuple[Any, str]] = {
    "lightgbm of a number": (Regressor(**GROWN), "number"),
    "lightgbm of three": (Classifier(**GROWN), "three"),
    "lightgbm, one against the rest": (Classifier(**GROWN, max_cat_to_onehot=700), "two"),
    "xgboost of a number": (xgboost.XGBRegressor(**DEEP, enable_categorical=True), "number"),
    "xgboost of three": (xgboost.XGBClassifier(**DEEP, enable_categorical=True), "three"),
    "xgboost, one against the rest": (
        xgboost.XGBClassifier(**DEEP, enable_categorical=True, max_cat_to_onehot=700),
        "two",
    ),
}

found = {
    f"{name}, {kind}": compared(model.fit(rows, Y[target]))
    for name, (model, target) in MODELS.items()
    for kind, rows in ROWS.items()
    if kind in sys.argv[1:]
}
found |= {f"{name}, explained": explained(model.fit(X, Y[target]), X) for name, (model, target) in MODELS.items()}
found["xgboost of forests, stopped early"] = compared(stopped())
for name, (model, target) in OF_CATEGORIES.items():
    if name.startswith("xgboost") and not hasattr(xgboost.Booster, "get_categories"):
        continue  # before 3.1 a model does not keep its categories
    for holes in (0.0, 0.2):
        more = name.startswith("lightgbm")
        found[f"{name}, of categories, {holes:.0%} missing"] = of_categories(model, target, more=more, holes=holes)
print(json.dumps(found))
