"""XGBoost's estimators: trees over float32 values, whose float32 values are added to a first estimate.

Source: xgboost/sklearn.py, and XGBoost's doc/model.schema, src/predictor/cpu_predictor.cc, src/common/math.h
(`Sigmoid`, `Softmax`), src/common/categorical.h (`Decision`), src/objective/*.cc (`PredTransform`, `ProbToMargin`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Part
from server.model.families.c_library import exp32, log32
from server.model.families.category_branches import CategoryBranches, CategoryCodes
from server.model.families.grown_trees import GrownTree, GrownTrees
from server.model.families.state import Family, State, keys
from server.model.families.tree_walk import MAX_NODES, NODE, Walk, staged_sums
from server.model.families.ubjson import read_ubjson
from server.model.families.xgboost_categories import column_types, known_categories
from server.model.pickledata.records import Unknown

VERSIONS = ((1, 7), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
"""Compared in tests/unit/server/model/families/xgboost_files and tests/integration/test_library_families.py."""
MAX_TREES = 1_000_000
MAX_CLASSES = 10_000
TWO = 2
CATEGORY = "c"
NO_CHILD = -1
LARGEST_EXPONENT = np.float32(88.7)
"""XGBoost bounds the exponent of a sigmoid."""
PROBABILITIES = (np.float32(1e-6), np.float32(1) - np.float32(1e-6))
"""XGBoost 3.2 moves a probability outside to the nearer of these before it takes the logit; older versions do not."""
EXPONENTIAL = ("count:poisson", "reg:gamma", "reg:tweedie")
IDENTITY = ("reg:absoluteerror", "reg:pseudohubererror", "reg:squarederror")


def regressor(state: State) -> Part:
    """Return a model that predicts numbers."""
    model = _Model(state)
    if model.objective in EXPONENTIAL:
        scores = model.scores(1, log32)
        return model.part({"predict": lambda X: exp32(scores(X))})
    if model.objective not in IDENTITY:
        raise state.unknown("objective")
    return model.part({"predict": model.scores(1, lambda first: first)})


def classifier(state: State) -> Part:
    """Return a model that predicts classes, which XGBoost numbers from 0."""
    model, count = _Model(state), state.integer("n_classes_", TWO, MAX_CLASSES)
    if "classes_" in state.values and not np.array_equal(state.labels(), np.arange(count)):
        raise state.unknown("classes_")
    if model.objective == "binary:logistic" and count == TWO:
        return replace(_two(model), classes=np.arange(TWO))
    if model.objective != "multi:softprob" or count == TWO:
        raise state.unknown("objective")
    scores = model.scores(count, lambda first: first)
    methods = {
        "predict": lambda X: _softmax(scores(X)).argmax(axis=1),
        "predict_proba": lambda X: _softmax(scores(X)),
    }
    return replace(model.part(methods), classes=np.arange(count))


def grown(state: State) -> GrownTrees:
    """Return the trees for a decomposition. Trees that branch on categories are not known for it."""
    model = _Model(state)
    if model.codes:
        raise Unknown(f"{state.name} with categories")
    outputs = 1
    margin: Call = _same
    if model.objective == "multi:softprob":
        outputs = state.integer("n_classes_", TWO, MAX_CLASSES)
    elif model.objective == "binary:logistic":
        margin = _logit
    elif model.objective in EXPONENTIAL:
        margin = log32
    log_link = model.objective in EXPONENTIAL
    return GrownTrees(model.grown(outputs), outputs, _rounded, model.scores(outputs, margin), log_link)


def _same(first: Any) -> Any:
    return first


def _logit(first: Any) -> Any:
    one = np.float32(1)
    return -log32(one / first - one)


def _two(model: _Model) -> Part:
    one = np.float32(1)
    scores = model.scores(1, _logit)

    def second(X: Any) -> Any:
        return one / (exp32(np.minimum(-scores(X), LARGEST_EXPONENT)) + one)

    def probabilities(X: Any) -> Any:
        found = second(X)
        return np.vstack((one - found, found)).transpose()

    return model.part({"predict": lambda X: (second(X) > 0.5).astype(np.int64), "predict_proba": probabilities})  # noqa: PLR2004 - half


def _softmax(scores: Any) -> Any:
    """Return each row's probabilities: float32, whose sum is float64."""
    found = exp32(scores - scores.max(axis=1, keepdims=True))
    total = np.add.accumulate(found.astype(np.float64), axis=1)[:, -1:]
    return found / total.astype(np.float32)


class _Model:
    """What the booster's bytes say, checked."""

    def __init__(self, state: State) -> None:
        self.state = state
        missing = state.values.get("missing")
        if type(missing) is not float or not math.isnan(missing):
            raise state.unknown("missing")
        booster = state.record_of("_Booster", "xgboost.core.Booster")
        handle = booster.state.get("handle") if type(booster.state) is dict else None
        if type(handle) is not bytearray:
            raise state.unknown("_Booster")
        model = read_ubjson(handle)["Model"]
        learner, version = model["learner"], tuple(model["version"][:2])
        if version not in VERSIONS or learner["gradient_booster"]["name"] != "gbtree":
            raise state.unknown("_Booster")
        self.objective = learner["objective"]["name"]
        self.parameters, self.trees = learner["learner_model_param"], learner["gradient_booster"]["model"]
        self.features = int(self.parameters["num_feature"])
        self.best = learner["attributes"].get("best_iteration")
        self.names = tuple(learner["feature_names"])
        if len(self.names) not in (0, self.features) or not all(type(name) is str for name in self.names):
            raise state.unknown("feature_names")
        self.branches, self.codes = CategoryBranches(self.features, np.floor), self._codes(learner)

    def _codes(self, learner: Mapping[str, Any]) -> CategoryCodes | None:
        """Return the codes of the columns of categories; None if there are none."""
        types, known = column_types(learner), known_categories(learner)
        categorical = [position for position, kind in enumerate(types) if kind == CATEGORY]
        if not categorical:
            return None
        if len(types) != self.features or not all(known.get(position) for position in categorical):
            raise self.state.unknown("feature_types")
        return CategoryCodes({position: known[position] for position in categorical})

    def scores(self, outputs: int, margin: Call) -> Call:
        """Return a function that gives the float32 sums: (rows,), or (rows, outputs) in C order.

        `margin` makes a first sum of the first estimate. It is called with the first rows: it may need the C library.
        """
        walk, base = self._walk(outputs), self._base(outputs)
        rows = self.branches.rows()
        first: list[Any] = []

        def scores(X: Any) -> Any:
            if not first:
                first.append(margin(base)[:, np.newaxis])
            reduce = lambda values: staged_sums(values.astype(np.float32), first[0])  # noqa: E731 - as short as it is used
            return np.ascontiguousarray(walk(rows(X), reduce))

        return scores

    def _base(self, outputs: int) -> Any:
        found = json.loads(self.parameters["base_score"])
        values = found if type(found) is list else [found]
        if len(values) not in (1, outputs) or not all(type(value) in (int, float) for value in values):
            raise self.state.unknown("base_score")
        base = np.array(values * (outputs // len(values)), np.float32)
        low, high = PROBABILITIES
        if self.objective == "binary:logistic" and not ((base > low) & (base < high)).all():
            raise self.state.unknown("base_score")
        return base

    def _walk(self, outputs: int) -> Walk:
        found, info = self.trees["trees"], _numbers(self.trees["tree_info"])
        if type(found) is not list or not 0 < len(found) <= MAX_TREES or len(found) % outputs:
            raise self.state.unknown("trees")
        if not np.array_equal(info, np.arange(len(found)) % outputs) or self.parameters["num_target"] != "1":
            raise self.state.unknown("tree_info")
        walk = self.branches.walk([self._nodes(tree) for tree in self._used_trees(outputs)])
        if walk is None:
            raise self.state.unknown("trees")
        return walk

    def _used_trees(self, outputs: int) -> Any:
        """Return the trees up to the best iteration."""
        found = self.trees["trees"]
        return found[: self._used(len(found), outputs)]

    def grown(self, outputs: int) -> list[GrownTree]:
        """Return the trees for a decomposition. The walk of the same trees has checked them."""
        self._walk(outputs)
        trees = [(self._nodes(tree), _numbers(tree["sum_hessian"])) for tree in self._used_trees(outputs)]
        if not all(nodes.shape == cover.shape for nodes, cover in trees):
            raise self.state.unknown("sum_hessian")
        return [GrownTree(nodes, cover.astype(np.float64), nodes["value"][:, np.newaxis]) for nodes, cover in trees]

    def _used(self, count: int, outputs: int) -> int:
        """Return the number of trees up to the best iteration, which may have several trees for each output."""
        if "iteration_indptr" in self.trees:
            starts = _numbers(self.trees["iteration_indptr"])
        else:  # before 2.0
            step = int(self.trees["gbtree_model_param"]["num_parallel_tree"]) * outputs
            starts = np.arange(0, count + 1, step)
        ordered = starts.dtype.kind in "iu" and starts.ndim == 1 and len(starts) >= TWO and (np.diff(starts) > 0).all()
        if not ordered or starts[0] != 0 or starts[-1] != count:
            raise self.state.unknown("iteration_indptr")
        end = len(starts) - 1 if self.best is None else int(self.best) + 1
        if not 0 < end < len(starts):
            raise self.state.unknown("best_iteration")
        return int(starts[end])

    def _nodes(self, tree: Mapping[str, Any]) -> Any:
        """Return a tree's nodes in the compiled routine's layout. They are not checked as a tree."""
        size = int(tree["tree_param"]["num_nodes"])
        kinds = {"split_conditions": "f", "left_children": "i", "right_children": "i", "split_indices": "iu"}
        arrays = {key: _numbers(tree[key]) for key in (*kinds, "default_left", "split_type")}
        fits = all(arrays[key].dtype.kind in kind for key, kind in kinds.items())
        if not fits or any(array.shape != (size,) for array in arrays.values()) or not 0 < size < MAX_NODES:
            raise self.state.unknown("trees")
        left, right, conditions = arrays["left_children"], arrays["right_children"], arrays["split_conditions"]
        leaf = left == NO_CHILD
        bounded = all(side.min() >= NO_CHILD and side.max() < size for side in (left, right))
        whole = bounded and ((right == NO_CHILD) == leaf).all() and np.isfinite(conditions[leaf]).all()
        if not whole or np.isnan(conditions).any() or conditions.dtype != np.float32:
            raise self.state.unknown("trees")
        nodes = np.zeros(size, NODE)
        nodes["is_leaf"], nodes["value"] = leaf, np.where(leaf, conditions, 0)
        # A row goes left below the condition: up to the next smaller number.
        nodes["num_threshold"] = np.nextafter(conditions, np.float32(-np.inf))
        nodes["num_threshold"][conditions == -np.inf] = np.nan  # nothing is below
        nodes["missing_go_to_left"] = arrays["default_left"] != 0
        for name, source in (("left", left), ("right", right), ("feature_idx", arrays["split_indices"])):
            nodes[name] = np.where(leaf, 0, source)
        sets = self._sets(tree, np.flatnonzero(arrays["split_type"]), ~leaf)
        # XGBoost sends the categories of a set to the right.
        swapped = list(sets)
        nodes["left"][swapped], nodes["right"][swapped] = nodes["right"][swapped], nodes["left"][swapped]
        nodes["missing_go_to_left"][swapped] ^= 1
        return self.branches.tree(nodes, sets)

    def _sets(self, tree: Mapping[str, Any], branches: Any, inner: Any) -> dict[int, Any]:
        """Return the categories that go right at each of these nodes."""
        if not len(branches):
            return {}
        found, nodes, starts, sizes = (
            _numbers(tree[f"categories{key}"]) for key in ("", "_nodes", "_segments", "_sizes")
        )
        ends = np.cumsum(sizes)
        fits = np.array_equal(nodes, branches) and inner[branches].all() and np.array_equal(starts, ends - sizes)
        if not fits or found.dtype.kind != "i" or ends[-1] != len(found) or (sizes < 0).any() or (found < 0).any():
            raise self.state.unknown("categories")
        return {node: found[end - size : end] for node, size, end in zip(nodes.tolist(), sizes, ends, strict=True)}

    def part(self, methods: Mapping[str, Call]) -> Part:
        """Return the part with these methods of float32 rows."""
        return Part(
            self.state.name,
            {name: _behind(call, self.codes) for name, call in methods.items()},
            {} if self.codes else {name: _behind(call, None) for name, call in methods.items()},
            width=self.features,
            names=self.names,
            row_independent=True,
        )


def _numbers(value: Any) -> Any:
    """Return an array, or a list of integers as one. Of texts NumPy would give each the room of the longest."""
    if type(value) is not np.ndarray and not (type(value) is list and {int}.issuperset(map(type, value))):
        raise TypeError(f"{type(value).__name__} in place of numbers")
    return np.asarray(value)


def _behind(call: Call, codes: CategoryCodes | None) -> Call:
    return lambda X: call(_rounded(codes(X) if codes else X))


def _rounded(X: Any) -> Any:
    with np.errstate(over="ignore"):
        return (X if type(X) is np.ndarray else X.matrix()).astype(np.float32)


XGBOOST_KEYS = keys(
    "_Booster base_score booster callbacks colsample_bylevel colsample_bynode colsample_bytree device"
    " early_stopping_rounds enable_categorical eval_metric evals_result_ feature_types feature_weights gamma"
    " grow_policy importance_type interaction_constraints learning_rate max_bin max_cat_threshold max_cat_to_onehot"
    " max_delta_step max_depth max_leaves min_child_weight missing monotone_constraints multi_strategy n_classes_"
    " n_estimators n_jobs num_parallel_tree objective random_state reg_alpha reg_lambda sampling_method"
    " scale_pos_weight subsample tree_method validate_parameters verbosity"
    # before 2.0
    " classes_ gpu_id predictor use_label_encoder"
)
FAMILIES: Mapping[str, Family] = {
    "xgboost.sklearn.XGBClassifier": Family(classifier, XGBOOST_KEYS),
    "xgboost.sklearn.XGBRegressor": Family(regressor, XGBOOST_KEYS),
}
