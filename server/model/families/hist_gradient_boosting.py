"""Histogram gradient boosting: trees over float64 values and categories, added to one first estimate.

Source: sklearn/ensemble/_hist_gradient_boosting/gradient_boosting.py (`_raw_predict`, `_preprocess_X`), binning.py
(`make_known_categories_bitsets`), sklearn/_loss/link.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Call, Check, Part, matrix_part
from server.model.families.compose import TRANSFORM
from server.model.families.function_transformer import FUNCTION_KEYS, FUNCTION_TRANSFORMER
from server.model.families.grown_trees import GrownTree, GrownTrees
from server.model.families.probabilities import BINARY, FEW, softmax, two_sided
from server.model.families.state import Family, State, keys
from server.model.families.tree_walk import MAX_NODES, NO_BITSETS, NODE, Bitsets, Walk, is_tree, staged_sums
from server.model.pickledata.records import Name, Record, as_record, name_of

MAX_STAGES = 1_000_000
MAX_OUTPUTS = 10_000
CATEGORIES = 256
"""A category is a number below this one."""

_PACKAGE = "sklearn.ensemble._hist_gradient_boosting."
_LOSS = "sklearn._loss.loss."
IDENTITY_LINK = (_LOSS + "AbsoluteError", _LOSS + "HalfSquaredError", _LOSS + "PinballLoss")
LOG_LINK = (_LOSS + "HalfGammaLoss", _LOSS + "HalfPoissonLoss")


def regressor(state: State) -> Part:
    """Return histogram boosting that predicts numbers."""
    loss = state.record_of("_loss", *IDENTITY_LINK, *LOG_LINK).name
    scores = _scores(state, 1)
    predict = (lambda X: np.exp(scores(X))) if loss in LOG_LINK else scores
    return _part(state, {"predict": predict})


def classifier(state: State) -> Part:
    """Return histogram boosting that predicts classes."""
    classes = state.labels()
    binary = len(classes) == BINARY
    state.record_of("_loss", _LOSS + ("HalfBinomialLoss" if binary else "HalfMultinomialLoss"))
    if len(classes) == 1:
        raise state.unknown("classes_")
    scores = _scores(state, 1 if binary else len(classes))
    methods: dict[str, Call] = {"decision_function": scores}
    if binary:
        methods["predict"] = lambda X: classes[(scores(X) > 0).astype(np.intp)]
        methods["predict_proba"] = lambda X: two_sided(scores(X))
    else:
        methods["predict"] = lambda X: classes[scores(X).argmax(axis=1)]
        methods["predict_proba"] = lambda X: softmax(scores(X))
    # Scores are in F order: NumPy adds many exponentials of one row in another order than those of several rows.
    return replace(_part(state, methods), classes=classes, row_independent=binary or len(classes) < FEW)


def _part(state: State, methods: Mapping[str, Call]) -> Part:
    """Return the part whose methods take float64 rows as the trees do: behind the preprocessor, if there is one."""
    part = state.part(row_independent=True)
    if state.values.get("_preprocessor") is None:
        return matrix_part(part, methods, Check(state.name, unchecked=True))
    encoder = _preprocessor(state)
    transform = encoder.methods[TRANSFORM]
    complete = {name: _after(transform, call) for name, call in methods.items()}
    direct = {}
    if TRANSFORM in encoder.direct:
        direct = {name: _after(encoder.direct[TRANSFORM], call) for name, call in methods.items()}
    return replace(part, methods=complete, direct=direct)


def _after(transform: Call, call: Call) -> Call:
    return lambda X: call(transform(X).astype(np.float64, copy=False))


def _preprocessor(state: State) -> Part:
    """Return the encoder of categories, which puts their columns first.

    Its other columns pass a function that converts them to float64. Here all columns are converted together.
    """
    record = state.record_of("_preprocessor", "sklearn.compose._column_transformer.ColumnTransformer")
    values = record.state if type(record.state) is dict else {}
    listed = values.get("transformers_")
    if type(listed) is not list or not all(type(each) is tuple and len(each) == 3 for each in listed):  # noqa: PLR2004
        raise state.unknown("_preprocessor")
    if [name for name, _, _ in listed[:2]] != ["encoder", "numerical"]:
        raise state.unknown("_preprocessor")
    (_, encoder, categorical), (_, function, numerical) = listed[:2]
    if name_of(encoder) != "sklearn.preprocessing._encoders.OrdinalEncoder" or not _converts(state, function):
        raise state.unknown("_preprocessor")
    plain = [("encoder", encoder, categorical), ("numerical", "passthrough", numerical), *listed[2:]]
    part = state.build(Record(record.name, record.args, {**values, "transformers_": plain}, live=record.live))
    if part.width != state.columns or part.gives_sparse:
        raise state.unknown("_preprocessor")
    return part


def _converts(state: State, value: Any) -> bool:
    """Return whether this is the function that HistGradientBoosting applies to numbers: `check_array` to float64."""
    if type(value) is str:  # "drop" and "passthrough" in its place: no columns
        return value in ("drop", "passthrough")
    function = state.as_inside("_preprocessor", value, FUNCTION_KEYS, FUNCTION_TRANSFORMER)
    for key in ("validate", "accept_sparse"):
        function.word(key, False)
    for key in ("kw_args", "inverse_func"):
        function.word(key, None)
    partial = as_record(function.record_of("func", "functools.partial"))
    called, arguments = partial.args[0], partial.state
    name = called.text if type(called) is Name else f"{called.__module__}.{called.__qualname__}"
    if name != "sklearn.utils.validation.check_array" or type(arguments) is not tuple or arguments[1] != ():
        return False
    options = dict(arguments[2])
    finite = options.pop("force_all_finite", options.pop("ensure_all_finite", None))
    dtypes = options.pop("dtype", None)
    return not options and finite is False and type(dtypes) is list and [_named(each) for each in dtypes] == ["float64"]


def _named(value: Any) -> str:
    return value.text.rpartition(".")[2] if type(value) is Name else getattr(value, "__name__", "")


def _scores(state: State, outputs: int) -> Call:
    """Return a function that gives the sums of float64 rows, as a new array: (rows,), or (rows, outputs) in F order."""
    state.integer("n_trees_per_iteration_", outputs, outputs)
    first = state.floats("_baseline_prediction", 1, outputs).T + 0.0
    walk = _walk(state, outputs)
    if outputs == 1:
        return lambda X: walk(X, lambda values: staged_sums(values, first))
    return lambda X: np.asfortranarray(walk(X, lambda values: staged_sums(values, first)))


def _walk(state: State, outputs: int) -> Walk:
    stages = state.sequence("_predictors", MAX_STAGES)
    if not stages or not all(type(stage) is list and len(stage) == outputs for stage in stages):
        raise state.unknown("_predictors")
    known, place = _known_categories(state)
    trees = [_tree(state, value, known, place) for stage in stages for value in stage]
    if sum(len(nodes) for nodes, _ in trees) >= MAX_NODES:
        raise state.unknown("_predictors")
    starts = np.cumsum([0, *(len(left) for _, left in trees)]).tolist()
    left = np.concatenate([left for _, left in trees]) if starts[-1] else NO_BITSETS

    def fill(number: int, target: Any) -> None:
        target[:] = trees[number][0]
        target["bitset_idx"][target["is_categorical"] != 0] += starts[number]

    return Walk([len(nodes) for nodes, _ in trees], fill, state.columns, Bitsets(left, known, place))


def grown(state: State) -> GrownTrees:
    """Return the trees for a decomposition. Behind a preprocessor, the columns of categories come first."""
    outputs = state.integer("n_trees_per_iteration_", 1, MAX_OUTPUTS)
    known, place = _known_categories(state)
    found = [
        _tree(state, value, known, place) for stage in state.sequence("_predictors", MAX_STAGES) for value in stage
    ]
    starts = np.cumsum([0, *(len(left) for _, left in found)]).tolist()
    trees = []
    for (nodes, _), start in zip(found, starts, strict=False):
        moved = nodes.copy()
        moved["bitset_idx"][moved["is_categorical"] != 0] += start
        trees.append(GrownTree(moved, nodes["count"].astype(np.float64), nodes["value"][:, np.newaxis]))
    left = np.concatenate([left for _, left in found])
    scores, bitsets = _scores(state, outputs), Bitsets(left, known, place)
    log_link = name_of(state.values.get("_loss")) in LOG_LINK
    if state.values.get("_preprocessor") is None:
        return GrownTrees(trees, outputs, lambda X: X, scores, log_link, bitsets)
    transform = _preprocessor(state).methods[TRANSFORM]
    is_category = state.array("is_categorical_", "b", state.columns)
    order = [*np.flatnonzero(is_category).tolist(), *np.flatnonzero(~is_category).tolist()]
    rows = lambda X: transform(X).astype(np.float64, copy=False)  # noqa: E731 - as short as it is used
    return GrownTrees(trees, outputs, rows, scores, log_link, bitsets, order)


def _tree(state: State, value: Any, known: Any, place: Any) -> tuple[Any, Any]:
    """Return the nodes and the bitsets of one tree, once they are checked."""
    record = state.as_record("_predictors", value, _PACKAGE + "predictor.TreePredictor")
    fitted = record.state
    if type(fitted) is not dict or set(fitted) != {"nodes", "binned_left_cat_bitsets", "raw_left_cat_bitsets"}:
        raise state.unknown("_predictors")
    nodes, left = fitted["nodes"], fitted["raw_left_cat_bitsets"]
    if type(nodes) is not np.ndarray or nodes.ndim != 1 or nodes.dtype != NODE:
        raise state.unknown("_predictors")
    if type(left) is not np.ndarray or left.dtype != np.uint32 or left.shape[1:] != NO_BITSETS.shape[1:]:
        raise state.unknown("_predictors")
    if not is_tree(nodes, state.columns, Bitsets(left, known, place)):
        raise state.unknown("_predictors")
    return nodes, left


def _known_categories(state: State) -> tuple[Any, Any]:
    """Return the bitsets of the categories seen in training, and each feature's place among them."""
    mapper = state.inside("_bin_mapper", MAPPER_KEYS, _PACKAGE + "binning._BinMapper")
    categorical = np.flatnonzero(mapper.array("is_categorical_", "bu", state.columns))
    thresholds = mapper.sequence("bin_thresholds_")
    if len(thresholds) != state.columns:
        raise state.unknown("_bin_mapper")
    known, place = np.zeros((len(categorical), NO_BITSETS.shape[1]), np.uint32), np.zeros(state.columns, np.uint32)
    for row, feature in enumerate(categorical.tolist()):
        place[feature] = row
        seen = thresholds[feature]
        if type(seen) is not np.ndarray or seen.dtype != np.float64 or seen.ndim != 1:
            raise state.unknown("_bin_mapper")
        for category in seen.tolist():
            if not 0 <= category < CATEGORIES or category != int(category):
                raise state.unknown("_bin_mapper")
            known[row, int(category) // 32] |= np.uint32(1 << int(category) % 32)
    return known, place


MAPPER_KEYS = keys(
    "bin_thresholds_ is_categorical is_categorical_ known_categories missing_values_bin_idx_ n_bins"
    " n_bins_non_missing_ n_threads random_state subsample"
)
HIST_KEYS = keys(
    "_baseline_prediction _bin_mapper _feature_subsample_rng _is_categorical_remapped _label_encoder _loss _n_features"
    " _predictors _preprocessor _random_seed _scorer _use_validation_data categorical_features class_weight classes_"
    " do_early_stopping_ early_stopping interaction_cst is_categorical_ l2_regularization learning_rate loss max_bins"
    " max_depth max_features max_iter max_leaf_nodes min_samples_leaf monotonic_cst n_iter_no_change"
    " n_trees_per_iteration_ quantile random_state scoring tol train_score_ validation_fraction validation_score_"
    " verbose warm_start"
)
FAMILIES: Mapping[str, Family] = {
    _PACKAGE + "gradient_boosting.HistGradientBoostingClassifier": Family(classifier, HIST_KEYS),
    _PACKAGE + "gradient_boosting.HistGradientBoostingRegressor": Family(regressor, HIST_KEYS),
}
