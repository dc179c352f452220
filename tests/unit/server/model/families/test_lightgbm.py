"""LightGBM's text is read with bounds. tests/integration/test_library_families.py compares whole models, bit by bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from server.inputs.named_table import NamedTable
from server.model.families.registry import part_of
from server.model.pickledata.records import Record, Unknown

TEXT = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=Column_0 Column_1
feature_infos=[0:1] [0:1]
tree_sizes=300 100

Tree=0
num_leaves=3
num_cat=0
split_feature=0 1
split_gain=1 1
threshold=0.5 -1.0000000180025095e-35
decision_type=2 10
left_child=1 -1
right_child=-2 -3
leaf_value=1 2 4
is_linear=0
shrinkage=1


Tree=1
num_leaves=1
num_cat=0
leaf_value=0.25
is_linear=0
shrinkage=1


end of trees

feature_importances:
Column_0=1

parameters:
[boosting: gbdt]
end of parameters

pandas_categorical:null
"""
ROWS = {
    "left, left": ([0.5, -1.0], 1.25),
    "left, right": ([0.4, 0.0], 4.25),
    "right": ([0.6, 0.0], 2.25),
    "missing where it is 0": ([np.nan, 1.0], 4.25),
    "missing where it is missing": ([0.0, np.nan], 1.25),
    "nearly 0": ([0.0, float(-np.float32(1e-35))], 4.25),
}


def record(text: str = TEXT, name: str = "LGBMRegressor", **changed: Any) -> Record:
    values = {"best_iteration": changed.pop("best", 0), "pandas_categorical": changed.pop("categories", None)}
    booster = Record("lightgbm.basic.Booster", (), {"_handle": text, **values})
    state = {"_Booster": booster, "_n_features_in": 2, "_other_params": {}, "_fitted_with_feature_names": False}
    return Record(f"lightgbm.sklearn.{name}", (), {**state, "fitted_": True, **changed})


@pytest.mark.parametrize("name", ROWS)
def test_predict_goes_the_documented_way(name: str) -> None:
    row, expected = ROWS[name]
    assert part_of(record()).methods["predict"](np.array([row])).tolist() == [expected]


def test_predict_uses_the_trees_up_to_the_best_iteration() -> None:
    assert part_of(record(best=1)).methods["predict"](np.array([[0.6, 0.0]])).tolist() == [2.0]


def test_predict_of_an_exponential_beyond_a_float_is_infinite() -> None:
    text = TEXT.replace("objective=regression", "objective=poisson").replace("leaf_value=0.25", "leaf_value=1000")
    assert part_of(record(text)).methods["predict"](np.array([[0.6, 0.0]])).tolist() == [math.inf]


def test_predict_of_two_classes_takes_the_sigmoid_of_the_text() -> None:
    text = TEXT.replace("objective=regression", "objective=binary sigmoid:2")
    part = part_of(record(text, "LGBMClassifier", _classes=np.array(["no", "yes"])))
    second = 1 / (1 + math.exp(-4.5))
    assert part.methods["predict_proba"](np.array([[0.6, 0.0]])).tolist() == [[1 - second, second]]
    assert part.methods["predict"](np.array([[0.6, 0.0]])).tolist() == ["yes"]


SPOILED = {
    "another version": ("version=v4", "version=v5"),
    "another kind": ("tree\n", "forest\n"),
    "no end": ("end of trees", "end"),
    "an average": ("label_index=0", "label_index=0\naverage_output"),
    "another objective": ("objective=regression", "objective=custom"),
    "a square root": ("objective=regression", "objective=regression sqrt"),
    "other features": ("max_feature_idx=1", "max_feature_idx=2"),
    "feature outside": ("split_feature=0 1", "split_feature=0 2"),
    "negative feature": ("split_feature=0 1", "split_feature=0 -1"),
    "child outside": ("right_child=-2 -3", "right_child=-2 -4"),
    "far child": ("right_child=-2 -3", "right_child=-2 99999999999"),
    "child before its parent": ("left_child=1 -1", "left_child=1 0"),
    "fewer children": ("left_child=1 -1", "left_child=1"),
    "fewer leaves": ("leaf_value=1 2 4", "leaf_value=1 2"),
    "fewer thresholds": ("threshold=0.5 ", "threshold="),
    "a threshold that is no number": ("threshold=0.5", "threshold=nan"),
    "a threshold nearer to 0 than a value": ("threshold=0.5", "threshold=1e-36"),
    "a text in place of a number": ("leaf_value=0.25", "leaf_value=one"),
    "categories without a branch": ("num_cat=0", "num_cat=1"),
    "a branch without categories": ("decision_type=2 10", "decision_type=3 10"),
    "zeros that are missing": ("decision_type=2 10", "decision_type=6 10"),
    "linear leaves": ("is_linear=0", "is_linear=1"),
    "categories of a DataFrame": ("pandas_categorical:null", 'pandas_categorical:[["a", "b"]]'),
    "several trees in an iteration": ("num_tree_per_iteration=1", "num_tree_per_iteration=2"),
    "no trees in an iteration": ("num_tree_per_iteration=1", "num_tree_per_iteration=0"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_part_of_a_text_that_is_not_as_known_is_unknown(name: str) -> None:
    old, new = SPOILED[name]
    assert old in TEXT
    with pytest.raises(Unknown, match="known as data"):
        part_of(record(TEXT.replace(old, new)))


def test_part_of_a_model_before_4_7_has_the_methods_and_names_of_its_version() -> None:
    text = TEXT.replace("objective=regression", "objective=binary sigmoid:1")
    older = record(text, "LGBMClassifier", _classes=np.array([0, 1]))
    assert "decision_function" in part_of(older).methods
    del older.state["_fitted_with_feature_names"]
    part = part_of(older)
    assert (set(part.methods), part.names) == ({"predict", "predict_proba"}, ())
    named = record(TEXT.replace("Column_0 Column_1", "age fare"))
    del named.state["_fitted_with_feature_names"]
    assert part_of(named).names == ("age", "fare")


# ---- categories -------------------------------------------------------------------------------------------------

CITIES = [["Bern", "Oslo", "Rome"]]
OF_CITIES = (
    TEXT.replace("num_leaves=3\nnum_cat=0", "num_leaves=3\nnum_cat=1\ncat_boundaries=0 2\ncat_threshold=2 1", 1)
    .replace("threshold=0.5 ", "threshold=0 ")
    .replace("decision_type=2 10", "decision_type=1 10")
    .replace("[0:1] [0:1]", "-1:0:1:2 [0:1]")
    .replace("[boosting: gbdt]", "[categorical_feature: 0]")
    .replace("pandas_categorical:null", 'pandas_categorical:[["Bern", "Oslo", "Rome"]]')
)
"""The first branch asks for the categories 1 (Oslo) and 32."""
CITY = {"in the set": ("Oslo", 4.25), "of another": ("Rome", 2.25), "missing": (np.nan, 2.25)}
CODES = {"in the set": (1, 4.25), "of the second word": (32, 4.25), "negative": (-1, 2.25), "almost 0": (-0.5, 2.25)}


@pytest.mark.parametrize("name", CITY)
def test_predict_of_a_table_finds_the_codes_of_its_categories(name: str) -> None:
    city, expected = CITY[name]
    table = NamedTable(("city", "fare"), [np.array([city], object), np.array([0.0])])
    part = part_of(record(OF_CITIES, categories=CITIES))
    assert part.methods["predict"](table).tolist() == [expected]
    assert not part.direct


@pytest.mark.parametrize("name", CODES)
def test_predict_of_a_matrix_takes_the_codes_of_categories(name: str) -> None:
    code, expected = CODES[name]
    part = part_of(record(OF_CITIES, categories=CITIES))
    assert part.methods["predict"](np.array([[code, 0.0]])).tolist() == [expected]


NOT_KNOWN = {
    "ends beyond the set": ("cat_boundaries=0 2", "cat_boundaries=0 3"),
    "ends out of order": ("cat_boundaries=0 2", "cat_boundaries=2 0"),
    "fewer ends": ("cat_boundaries=0 2", "cat_boundaries=0"),
    "no sets": ("cat_threshold=2 1\n", ""),
    "a word that is too large": ("cat_threshold=2 1", "cat_threshold=2 4294967296"),
    "another set": ("threshold=0 ", "threshold=1 "),
    "a set by a fraction": ("threshold=0 ", "threshold=0.5 "),
    "more sets": ("num_cat=1", "num_cat=2"),
    "categories of no column": ("[categorical_feature: 0]", "[boosting: gbdt]"),
    "categories of a column outside": ("[categorical_feature: 0]", "[categorical_feature: 2]"),
    "other categories": ("Oslo", "Paris"),
    "lists of lists": ('"Oslo"', '["Oslo"]'),
}


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_part_of_categories_that_are_not_as_known_is_unknown(name: str) -> None:
    old, new = NOT_KNOWN[name]
    assert old in OF_CITIES
    with pytest.raises(Unknown, match="known as data"):
        part_of(record(OF_CITIES.replace(old, new), categories=CITIES))


def test_part_with_parameters_of_training_is_known() -> None:
    part_of(record(_other_params={"verbose": -1, "metric": "auc"}, metric="auc"))


def test_part_of_other_parameters_is_unknown() -> None:
    for changed in ({"_other_params": {"pred_early_stop": True}}, {"_n_features_in": 3}, {"linear_tree": True}):
        with pytest.raises(Unknown, match="known as data"):
            part_of(record(**changed))
