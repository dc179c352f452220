"""LightGBM's estimators: trees over float64 values, added to 0.

Source: lightgbm/sklearn.py, lightgbm/basic.py (`_data_from_pandas`), and LightGBM's src/boosting/gbdt_prediction.cpp,
include/LightGBM/tree.h (`NumericalDecision`, `CategoricalDecision`), src/objective/*.hpp (`ConvertOutput`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Part, as_floats
from server.model.families.category_branches import CategoryBranches, CategoryCodes
from server.model.families.grown_trees import GrownTree, GrownTrees
from server.model.families.lightgbm_text import Text, nodes_of, positions_of_categories, read_text
from server.model.families.state import LABEL_TYPES, Family, State, keys
from server.model.families.tree_walk import staged_sums
from server.model.pickledata.records import Unknown

MAX_TREES = 1_000_000
TWO = 2
SINCE_4_7 = "_fitted_with_feature_names"
EXPONENTIAL = ("gamma", "poisson", "tweedie")
IDENTITY = ("fair", "huber", "mape", "quantile", "regression", "regression_l1")


def regressor(state: State) -> Part:
    """Return a model that predicts numbers."""
    text = _text(state)
    words = text.header.get("objective", "").split(" ")
    scores = _scores(state, text, 1)
    if words[0] in EXPONENTIAL:
        return _part(state, text, {"predict": lambda X: np.array([_exp(score) for score in scores(X).tolist()])})
    if words[0] not in IDENTITY or "sqrt" in words:
        raise state.unknown("objective")
    return _part(state, text, {"predict": scores})


def classifier(state: State) -> Part:
    """Return a model that predicts classes."""
    text, classes = _text(state), state.labels("_classes")
    words = text.header.get("objective", "").split(" ")
    scores = _scores(state, text, 1 if len(classes) == TWO else len(classes))
    if words[0] == "binary" and len(classes) == TWO:
        probabilities = _two_sided(scores, _sigmoid(state, words))
    elif words[0] == "multiclass" and len(classes) > TWO:
        probabilities = _softmax(scores)
    else:
        raise state.unknown("objective")
    methods = {"predict": lambda X: classes[probabilities(X).argmax(axis=1)], "predict_proba": probabilities}
    if SINCE_4_7 in state.values:
        methods["decision_function"] = scores
    return replace(_part(state, text, methods), classes=classes)


def _text(state: State) -> Text:
    state.must_be("fitted_", True)
    booster = state.record_of("_Booster", "lightgbm.basic.Booster")
    handle = booster.state.get("_handle") if type(booster.state) is dict else None
    if type(handle) is not str or not set(booster.state) <= BOOSTER_KEYS:
        raise state.unknown("_Booster")
    others = state.values.get("_other_params")
    if type(others) is not dict or not set(others) <= TRAINING:
        raise state.unknown("_other_params")
    text = read_text(handle)
    if not set(text.header) <= HEADER:
        raise state.unknown("_Booster")
    best = booster.state.get("best_iteration", 0)
    each = int(text.header["num_tree_per_iteration"])
    if type(best) is not int or each < 1 or not 0 < len(text.trees) <= MAX_TREES:
        raise state.unknown("_Booster")
    return replace(text, trees=text.trees[: best * each]) if best > 0 else text


def _scores(state: State, text: Text, outputs: int) -> Call:
    """Return a function that gives the sums of the trees, as a new array: (rows,), or (rows, outputs) in C order."""
    features = state.integer("_n_features_in", 1)
    header = text.header
    if header["num_tree_per_iteration"] != str(outputs) or header["max_feature_idx"] != str(features - 1):
        raise state.unknown("_Booster")
    branches = CategoryBranches(features, np.trunc)
    walk = branches.walk([branches.tree(*nodes_of(tree)) for tree in text.trees])
    if walk is None or walk.count % outputs:
        raise state.unknown("_Booster")
    first, rows = np.zeros((outputs, 1)), branches.rows()
    return lambda X: np.ascontiguousarray(walk(rows(X), lambda values: staged_sums(values, first)))


def grown(state: State) -> GrownTrees:
    """Return the trees for a decomposition. Trees that branch on categories are not known for it."""
    text = _text(state)
    outputs = int(text.header["num_tree_per_iteration"])
    if _category_codes(state, text, state.integer("_n_features_in", 1)):
        raise Unknown(f"{state.name} with categories")
    found = []
    for tree in text.trees:
        nodes, _ = nodes_of(tree)
        counts = [float(each) for key in ("internal_count", "leaf_count") for each in tree.get(key, "").split()]
        cover = np.array(counts) if len(counts) == len(nodes) else np.ones(len(nodes))
        found.append(GrownTree(nodes, cover, nodes["value"][:, np.newaxis]))
    log_link = text.header.get("objective", "").split(" ")[0] in EXPONENTIAL
    return GrownTrees(found, outputs, lambda X: X, _scores(state, text, outputs), log_link)


def _sigmoid(state: State, words: list[str]) -> float:
    found = [word.removeprefix("sigmoid:") for word in words if word.startswith("sigmoid:")]
    if len(found) != 1:
        raise state.unknown("objective")
    return float(found[0])


def _two_sided(scores: Call, sigmoid: float) -> Call:
    def probabilities(X: Any) -> Any:
        second = np.array([1.0 / (1.0 + _exp(-sigmoid * score)) for score in scores(X).tolist()])
        return np.vstack((1.0 - second, second)).transpose()

    return probabilities


def _softmax(scores: Call) -> Call:
    def probabilities(X: Any) -> Any:
        return np.array([_shares(row) for row in scores(X).tolist()])

    return probabilities


def _shares(scores: list[float]) -> list[float]:
    largest = max(scores)
    found = [_exp(score - largest) for score in scores]
    total = 0.0
    for each in found:  # one after another: Python 3.12's sum is more exact
        total += each
    return [each / total for each in found]


def _exp(x: float) -> float:
    """Return the exponential of the C library, which LightGBM calls. NumPy's own has other last bits."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _part(state: State, text: Text, methods: Mapping[str, Call]) -> Part:
    features = state.integer("_n_features_in", 1)
    names = tuple(text.header.get("feature_names", "").split(" "))
    if len(names) != features:
        raise state.unknown("feature_names")
    unnamed = tuple(f"Column_{column}" for column in range(features))
    if not state.flag(SINCE_4_7, default=names != unnamed):
        names = ()
    codes = _category_codes(state, text, features)
    return Part(
        state.name,
        {name: _behind(call, codes) for name, call in methods.items()},
        {} if codes else methods,
        width=features,
        names=names,
        row_independent=True,
    )


def _category_codes(state: State, text: Text, features: int) -> CategoryCodes | None:
    """Return the codes of the columns of categories; None if there are none."""
    found = state.record_of("_Booster", "lightgbm.basic.Booster").state.get("pandas_categorical")
    if json.loads(text.categories) != found:
        raise state.unknown("pandas_categorical")
    if not found:
        return None
    if not all(type(values) is list and all(type(value) in LABEL_TYPES for value in values) for values in found):
        raise state.unknown("pandas_categorical")
    positions = positions_of_categories(text.whole, found)
    if positions is None or positions[-1] >= features:
        raise state.unknown("pandas_categorical")
    return CategoryCodes(dict(zip(positions, found, strict=True)))


def _behind(call: Call, codes: CategoryCodes | None) -> Call:
    return lambda X: call(_floats(codes(X) if codes else X))


def _floats(X: Any) -> Any:
    """Return the rows as float64; LightGBM rounds a matrix of integers to float32."""
    return as_floats(X.astype(np.float32) if type(X) is np.ndarray and X.dtype.kind in "biu" else X)


HEADER = frozenset(
    {
        *("version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective"),
        *("feature_names", "feature_infos", "tree_sizes", "monotone_constraints"),
    }
)
BOOSTER_KEYS = frozenset(
    {
        *("_handle", "_network", "_train_data_name", "best_iteration", "best_score", "name_valid_sets"),
        *("pandas_categorical", "params", "train_set_version", "_Booster__higher_better_inner_eval"),
        *("_Booster__init_predictor", "_Booster__inner_predict_buffer", "_Booster__is_predicted_cur_iter"),
        *("_Booster__name_inner_eval", "_Booster__need_reload_eval_info", "_Booster__num_class"),
        *("_Booster__num_dataset", "_Booster__num_inner_eval", "_Booster__set_objective_to_none"),
    }
)
TRAINING = keys(
    "bagging_fraction bagging_freq bagging_seed boost_from_average cat_l2 cat_smooth data_random_seed deterministic"
    " drop_seed early_stopping_round early_stopping_rounds extra_trees feature_fraction feature_fraction_bynode"
    " feature_fraction_seed force_col_wise force_row_wise is_unbalance lambda_l1 lambda_l2 max_bin max_cat_threshold"
    " max_cat_to_onehot max_delta_step metric min_data_in_bin min_data_in_leaf min_data_per_group min_gain_to_split"
    " min_sum_hessian_in_leaf neg_bagging_fraction path_smooth pos_bagging_fraction scale_pos_weight seed verbose"
    " verbosity"
)
"""Parameters beyond those of the estimator that are only read in training."""
LIGHTGBM_KEYS = TRAINING | keys(
    "_Booster _best_iteration _best_score _class_map _class_weight _classes _evals_result _fitted_with_feature_names"
    " _le _n_classes _n_features _n_features_in _objective _other_params boosting_type class_weight colsample_bytree"
    " fitted_ importance_type learning_rate max_depth min_child_samples min_child_weight min_split_gain n_estimators"
    " n_jobs num_leaves objective random_state reg_alpha reg_lambda subsample subsample_for_bin subsample_freq verbose"
)
FAMILIES: Mapping[str, Family] = {
    "lightgbm.sklearn.LGBMClassifier": Family(classifier, LIGHTGBM_KEYS),
    "lightgbm.sklearn.LGBMRegressor": Family(regressor, LIGHTGBM_KEYS),
}
