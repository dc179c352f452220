"""The last step of a model whose score is a sum: a base, and one contribution for each of its columns."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.model.explanation.path_decomposition import PathDecomposition
from server.model.explanation.unexplained import UnexplainedError
from server.model.families import glm, linear, linear_classifiers, sgd
from server.model.families.base import Call, as_floats
from server.model.families.grown_trees import GrownTrees
from server.model.families.registry import KNOWN, part_of
from server.model.families.sparse_rows import SparseRows
from server.model.families.state import State, wide
from server.model.pickledata.records import Unknown, as_record, name_of

PREDICTION, PROBABILITY, SCORE = "the prediction", "the probability", "the score"
LOGARITHM = "the logarithm of the prediction"

LINEAR_MEANING = (
    "base is the intercept; each contribution is the model's coefficient × the value as the last step gets it "
    "(after a StandardScaler: × how far the value is from the training mean)"
)
TREE_MEANING = (
    "base is the mean over the training data; each contribution is what the branches on this feature changed on the "
    "row's way to the leaves"
)


@dataclass(frozen=True, slots=True)
class Additive:
    """A last step, rebuilt."""

    method: str
    """`linear` or `trees`."""
    meaning: str
    """What base and contributions are, in words."""
    of: str
    """What they add up to, in words."""
    outputs: int
    """The sums that a row has. With 1, a classifier's is that of its second class."""
    rows: Call
    """Return one row of the step's input as `decompose` takes it."""
    decompose: Callable[[Any, int], tuple[float, Any]]
    """Return the base and each column's contribution, of a row and the number of an output."""
    scores: Call
    """Return the step's own sums of one row, of the same input as `rows`."""
    classes: Any
    order: Any = None
    """The columns of the step's input in the order of `decompose`; None where that is the same."""


def additive_of(value: Any) -> Additive:
    """Return what the last step's score is made of; `value` is an estimator or its record.

    Raises:
        UnexplainedError: it is no sum of its columns, or not one that is known here.

    """
    name = name_of(value)
    try:
        if name in LINEAR:
            return _linear(value)
        if name in TREES:
            return _trees(value)
    except Unknown as error:
        raise UnexplainedError(str(error).replace(" is not known as data", " is not known")) from error
    short = name.rpartition(".")[2]
    raise UnexplainedError(f"its score is no sum of one part for each feature ({short}); linear models and trees are")


def trees_of(value: Any) -> PathDecomposition:
    """Return the trees of an estimator or its record. Raise Unknown where it has none that are known."""
    if name_of(value) not in TREES:
        raise Unknown(f"{name_of(value)} has no trees")
    return PathDecomposition(_grown(value))


def _state(value: Any) -> State:
    return State(as_record(value), KNOWN[name_of(value)].keys, part_of)


# ---- linear models ----------------------------------------------------------------------------------------------


def _linear(value: Any) -> Additive:
    state, part = _state(value), part_of(value)
    scores = linear.linear_scores(state)
    weights = np.atleast_2d(wide(state.fitted_floats("coef_", *(None,) * np.ndim(state.values["coef_"]))))
    bias = np.broadcast_to(np.asarray(state.values.get("intercept_"), np.float64).reshape(-1), (len(weights),))
    if part.classes is None and len(weights) > 1:
        raise UnexplainedError("it predicts several values")

    def decompose(row: Any, output: int) -> tuple[float, Any]:
        return float(bias[output]), weights[output] * row

    of = SCORE if part.classes is not None else LOGARITHM if _has_log_link(state) else PREDICTION
    return Additive(
        method="linear",
        meaning=LINEAR_MEANING,
        of=of,
        outputs=len(weights),
        rows=lambda X: _dense(X)[0],
        decompose=decompose,
        scores=lambda X: scores(_dense(X)),
        classes=part.classes,
    )


def _has_log_link(state: State) -> bool:
    loss = name_of(state.values.get("_base_loss"))
    return loss in glm.LINKS and glm.LINKS[loss] == "LogLink"


def _dense(X: Any) -> Any:
    return X.toarray() if type(X) is SparseRows else as_floats(X)


# ---- trees ------------------------------------------------------------------------------------------------------


def _trees(value: Any) -> Additive:
    state = _state(value)
    if state.values.get("n_outputs_", 1) != 1:
        raise UnexplainedError("it predicts several values")
    part, grown = part_of(value), _grown(value)
    paths = PathDecomposition(grown)
    forest = state.record.name.startswith(("sklearn.tree.", "sklearn.ensemble._forest."))
    constants: dict[int, float] = {}

    def given(X: Any) -> Any:
        return grown.rows(X if grown.order is not None else _dense(X))

    def constant(row: Any, output: int) -> float:
        """Return the first estimate of boosting, which is the same for each row: what no tree adds."""
        if output not in constants:
            other = np.zeros_like(row)
            base, contributions = paths.decompose(other, output)
            constants[output] = float(np.ravel(grown.scores(other[np.newaxis]))[output]) - base - contributions.sum()
        return constants[output]

    def decompose(row: Any, output: int) -> tuple[float, Any]:
        base, contributions = paths.decompose(row, output)
        return base + (0.0 if forest else constant(row, output)), contributions

    of = PREDICTION if part.classes is None else PROBABILITY if forest else SCORE
    return Additive(
        method="trees",
        meaning=TREE_MEANING,
        of=LOGARITHM if grown.log_link else of,
        outputs=grown.outputs,
        rows=lambda X: given(X)[0],
        decompose=decompose,
        scores=lambda X: grown.scores(given(X)),
        classes=part.classes,
        order=grown.order,
    )


def _grown(value: Any) -> GrownTrees:
    family = importlib.import_module(f"server.model.families.{TREES[name_of(value)]}")
    return family.grown(_state(value))  # type: ignore[no-any-return]


LINEAR = (
    {*linear.FAMILIES, *linear_classifiers.FAMILIES, *sgd.FAMILIES, *glm.FAMILIES}
    - {"sklearn.linear_model._ransac.RANSACRegressor", "sklearn.linear_model._stochastic_gradient.SGDOneClassSVM"}
)  # fmt: skip
TREES: Mapping[str, str] = {
    "lightgbm.sklearn.LGBMClassifier": "lightgbm",
    "lightgbm.sklearn.LGBMRegressor": "lightgbm",
    "sklearn.ensemble._forest.ExtraTreesClassifier": "trees",
    "sklearn.ensemble._forest.ExtraTreesRegressor": "trees",
    "sklearn.ensemble._forest.RandomForestClassifier": "trees",
    "sklearn.ensemble._forest.RandomForestRegressor": "trees",
    "sklearn.ensemble._gb.GradientBoostingClassifier": "gradient_boosting",
    "sklearn.ensemble._gb.GradientBoostingRegressor": "gradient_boosting",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier": (
        "hist_gradient_boosting"
    ),
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor": (
        "hist_gradient_boosting"
    ),
    "sklearn.tree._classes.DecisionTreeClassifier": "trees",
    "sklearn.tree._classes.DecisionTreeRegressor": "trees",
    "sklearn.tree._classes.ExtraTreeClassifier": "trees",
    "sklearn.tree._classes.ExtraTreeRegressor": "trees",
    "xgboost.sklearn.XGBClassifier": "xgboost",
    "xgboost.sklearn.XGBRegressor": "xgboost",
}
"""The families that have a function `grown`, by class."""
