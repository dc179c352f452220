"""Histogram gradient boosting as data gives the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import ensemble

from server.inputs.named_table import NamedTable
from server.model.families import tree_walk
from server.model.families.registry import part_of
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import assert_equal_to, hostile_matrices, same
from tests.unit.server.model.families.spoiled import assert_unknown, recorded

RNG = np.random.default_rng(5)
MANY = list(hostile_matrices(X))
HOLES = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
CODES = np.c_[RNG.integers(0, 12, len(X)), X[:, 1], RNG.integers(0, 3, len(X)), X[:, 3], HOLES[:, 4]]
CODES[RNG.random(len(X)) < 0.1, 0] = np.nan
TABLE = pd.DataFrame(
    {
        "size": X[:, 0],
        "city": pd.Categorical(RNG.choice(["Oslo", "Rome", "Zürich", "Bern"], len(X))),
        "count": RNG.integers(0, 9, len(X)),
        "grade": pd.Categorical(RNG.choice([3, 5, 9], len(X))),
        "gap": HOLES[:, 4],
    }
)
SCORE = TARGETS["number"] + (TABLE["city"] == "Rome") * 2 + (CODES[:, 0] > 5)
TEN = np.digitize(SCORE, np.quantile(SCORE, np.linspace(0, 1, 11)[1:-1]))
LABELS = {**TARGETS, "number": SCORE, "positive": np.exp(SCORE), "ten": TEN}
Classifier, Regressor = ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor
SMALL = {"max_iter": 6, "min_samples_leaf": 4, "random_state": 0}
MODELS = {
    "two": (Classifier(**SMALL), "two"),
    "three": (Classifier(**SMALL), "three"),
    "ten": (Classifier(max_iter=3, min_samples_leaf=3), "ten"),
    "one iteration": (Classifier(max_iter=1), "two"),
    "early stopping": (Classifier(**SMALL, early_stopping=True), "two"),
    "number": (Regressor(**SMALL), "number"),
    "absolute": (Regressor(**SMALL, loss="absolute_error"), "number"),
    "quantile": (Regressor(**SMALL, loss="quantile", quantile=0.8), "number"),
    "poisson": (Regressor(**SMALL, loss="poisson"), "positive"),
    "gamma": (Regressor(**SMALL, loss="gamma"), "positive"),
    "monotonic": (Regressor(**SMALL, monotonic_cst=[1, 0, 0, 0, -1]), "number"),
}
CATEGORICAL = {
    "codes": (Classifier(**SMALL, categorical_features=[0, 2]), "three"),
    "codes of numbers": (Regressor(**SMALL, categorical_features=[True, False, True, False, False]), "number"),
    "only codes": (Regressor(**SMALL, categorical_features=[0, 1, 2, 3, 4]), "number"),
}


def fitted(name: str, rows: Any = X) -> Any:
    model: Any
    model, target = {**MODELS, **CATEGORICAL}[name]
    return model.fit(rows, LABELS[target])


@pytest.mark.parametrize("rows", [X, HOLES], ids=["full", "holes"])
@pytest.mark.parametrize("name", MODELS)
def test_part_of_histogram_boosting_gives_the_answers_of_scikit_learn(name: str, rows: Any) -> None:
    model = fitted(name, rows)
    assert_equal_to(model, [*MANY, HOLES])
    assert_equal_to(model, [rows], part_of(recorded(model)))


@pytest.mark.parametrize("limit", ["MERGED_ROWS", "MERGED_VALUES"])
def test_part_of_histogram_boosting_that_is_not_merged_gives_the_same_answers(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_walk, limit, 20)
    assert_equal_to(fitted("three"), [X, X[:1], X[:7], HOLES])
    assert_equal_to(fitted("codes", CODES), [CODES, CODES[:1], CODES[:7]])


@pytest.mark.parametrize("name", CATEGORICAL)
def test_part_of_histogram_boosting_of_codes_gives_the_answers_of_scikit_learn(name: str) -> None:
    rows = np.round(np.abs(CODES)) if name == "only codes" else CODES
    unseen = rows.copy()
    unseen[::3, 0], unseen[1::3, 2], unseen[2::3, 0] = 77, -4, 300.5
    model = fitted(name, rows)
    assert_equal_to(model, [rows, rows[:1], unseen, np.where(RNG.random(rows.shape) < 0.3, np.nan, rows)])
    assert_equal_to(model, [*MANY[:6], unseen], part_of(recorded(model)))


def as_table(frame: pd.DataFrame) -> NamedTable:
    return NamedTable(
        tuple(frame),
        [np.asarray(frame[name], dtype=object if frame[name].dtype == object else None) for name in frame],
    )


@pytest.mark.parametrize("kind", [Classifier, Regressor])
@pytest.mark.parametrize("chosen", ["from_dtype", ["city", "grade"]])
def test_part_of_histogram_boosting_of_named_categories_gives_the_answers_of_scikit_learn(
    kind: Any, chosen: Any
) -> None:
    model = kind(**SMALL, categorical_features=chosen).fit(TABLE, LABELS["three" if kind is Classifier else "number"])
    unseen = TABLE.astype({"city": object, "grade": float})
    unseen.loc[::4, "city"], unseen.loc[1::4, "grade"], unseen.loc[2::4, "city"] = "Paris", 4, np.nan
    for part in (part_of(model), part_of(recorded(model))):
        for frame in (TABLE.astype({"city": object, "grade": int}), unseen, unseen[:1]):
            for name, method in part.methods.items():
                assert same(getattr(model, name)(frame), method(as_table(frame)))


def first_tree(state: dict[str, Any]) -> Any:
    return state["_predictors"][0][0].state


def change(field: str, value: Any, *, where: str = "inner") -> Any:
    """Return a function that changes a number in the first node of a kind."""

    def spoil(state: dict[str, Any]) -> None:
        for stage in state["_predictors"]:
            for tree in stage:
                nodes = tree.state["nodes"]
                found = np.flatnonzero(
                    (nodes["is_categorical"] if where == "categorical" else nodes["is_leaf"] == 0) != 0
                )
                if len(found):
                    nodes[field][found[0]] = value
                    return

    return spoil


SPOILED = {
    "child outside": change("left", 10_000),
    "node as its own child": change("right", 0),
    "feature outside": change("feature_idx", 5),
    "negative feature": change("feature_idx", -1),
    "bitset outside": change("bitset_idx", 1000, where="categorical"),
    "other nodes": lambda state: first_tree(state).update(nodes=np.zeros(3)),
    "no nodes": lambda state: first_tree(state).update(nodes=first_tree(state)["nodes"][:0]),
    "narrow bitsets": lambda state: first_tree(state).update(raw_left_cat_bitsets=np.zeros((9, 7), np.uint32)),
    "other bitsets": lambda state: first_tree(state).update(raw_left_cat_bitsets=np.zeros((9, 8))),
    "missing tree": lambda state: state["_predictors"][0].pop(),
    "no trees": lambda state: state.update(_predictors=[]),
    "other classes": lambda state: state.update(classes_=np.arange(4)),
    "other first estimate": lambda state: state.update(_baseline_prediction=np.zeros((1, 4))),
    "category beyond a byte": lambda state: state["_bin_mapper"].state["bin_thresholds_"][0].__setitem__(0, 256.0),
    "category of a fraction": lambda state: state["_bin_mapper"].state["bin_thresholds_"][0].__setitem__(0, 0.5),
    "no thresholds": lambda state: state["_bin_mapper"].state.update(bin_thresholds_=[]),
    "no categorical features": lambda state: state["_bin_mapper"].state.update(is_categorical_=np.zeros(4, np.uint8)),
    "other function of numbers": lambda state: listed(state)[1][1].state.update(validate=True),
    "other encoder": lambda state: listed(state).__setitem__(0, ("encoder", listed(state)[1][1], listed(state)[0][2])),
    "other transformers": lambda state: listed(state).reverse(),
}


def listed(state: dict[str, Any]) -> Any:
    return state["_preprocessor"].state["transformers_"]


@pytest.mark.parametrize("name", SPOILED)
def test_part_of_histogram_boosting_with_a_wrong_number_is_unknown(name: str) -> None:
    assert_unknown(fitted("codes", CODES), SPOILED[name])
