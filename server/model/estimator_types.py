"""What class an estimator is of, and what that class says of its input: asked of its type, or of a table for a record.

The tables have the classes that may be read as data. The tests compare them with scikit-learn itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from server.model.families.registry import MAX_DEPTH
from server.model.recorded_estimator import RecordedEstimator

BASES: Mapping[str, str] = {
    "GridSearchCV": "BaseSearchCV",
    "HalvingGridSearchCV": "BaseSearchCV",
    "HalvingRandomSearchCV": "BaseSearchCV",
    "MiniBatchNMF": "_BaseNMF",
    "MultiOutputClassifier": "_MultiOutputEstimator",
    "MultiOutputRegressor": "_MultiOutputEstimator",
    "NMF": "_BaseNMF",
    "OneHotEncoder": "_BaseEncoder",
    "OrdinalEncoder": "_BaseEncoder",
    "RandomizedSearchCV": "BaseSearchCV",
    "StackingClassifier": "_BaseHeterogeneousEnsemble",
    "StackingRegressor": "_BaseHeterogeneousEnsemble",
    "TargetEncoder": "_BaseEncoder",
    "VotingClassifier": "_BaseHeterogeneousEnsemble",
    "VotingRegressor": "_BaseHeterogeneousEnsemble",
}
"""Classes of scikit-learn, and the class that is asked for and that they are made from."""

READ_TEXTS = frozenset({"CountVectorizer", "HashingVectorizer", "TfidfVectorizer"})
TAKE_NO_TABLE = READ_TEXTS | {"DictVectorizer", "FeatureHasher", "IsotonicRegression", "LabelBinarizer", "LabelEncoder"}
TAKE_NAN = frozenset(
    {
        *("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"),
        *("ExtraTreesClassifier", "ExtraTreesRegressor"),
        *("HistGradientBoostingClassifier", "HistGradientBoostingRegressor", "IsolationForest"),
        *("MaxAbsScaler", "MissingIndicator", "MinMaxScaler", "OneHotEncoder", "OrdinalEncoder", "PowerTransformer"),
        *("QuantileTransformer", "RandomForestClassifier", "RandomForestRegressor", "RandomTreesEmbedding"),
        *("RobustScaler", "StandardScaler", "TargetEncoder", "VarianceThreshold"),
    }
)
"""Classes whose tags allow NaN."""


def is_of_scikit_learn(estimator: Any, *names: str) -> bool:
    """Return whether the estimator is of one of these classes of scikit-learn, or of a class made from one."""
    if type(estimator) is RecordedEstimator:
        kind = estimator.class_name
        bases = {kind, BASES.get(kind, kind), "BaseEstimator"}
        return library_of(estimator) == "sklearn" and not bases.isdisjoint(names)
    return any(
        kind.__name__ in names and kind.__module__.partition(".")[0] == "sklearn" for kind in type(estimator).__mro__
    )


def library_of(estimator: Any) -> str:
    """Return the package that the estimator's class is of."""
    name = estimator.record.name if type(estimator) is RecordedEstimator else type(estimator).__module__
    return str(name).partition(".")[0]


def tags_of(estimator: Any) -> Any:
    """Return the estimator's tags. Before scikit-learn 1.6 they were a dict, of which `input_tags` is made here."""
    if type(estimator) is RecordedEstimator:
        return _tags_of_record(estimator)
    try:
        if hasattr(estimator, "__sklearn_tags__"):
            return estimator.__sklearn_tags__()
        tags = estimator._get_tags()  # noqa: SLF001 - its name in scikit-learn 0.24 to 1.5
        found = {"two_d_array": "2darray", "string": "string", "dict": "dict", "sparse": "sparse"}
        types = {name: kind in tags["X_types"] for name, kind in found.items()}
        return SimpleNamespace(input_tags=SimpleNamespace(**types, allow_nan=tags["allow_nan"]))
    except Exception:  # noqa: BLE001 - not of scikit-learn, or of a version without tags
        return None


def _tags_of_record(estimator: RecordedEstimator) -> Any:
    """Return the tags that are read here."""
    kind = estimator.class_name
    hashes = getattr(estimator, "input_type", "") if kind == "FeatureHasher" else ""
    tags = SimpleNamespace(
        two_d_array=kind not in TAKE_NO_TABLE,
        string=kind in READ_TEXTS or hashes == "string" or kind == "MissingIndicator",
        dict=kind == "DictVectorizer" or hashes == "dict",
        allow_nan=_takes_nan(estimator, {}),
    )
    return SimpleNamespace(input_tags=tags)


def _takes_nan(estimator: Any, known: dict[int, bool], depth: int = 0) -> bool:
    """Return whether the estimator takes NaN.

    An estimator as it was before fit is read here, which nothing has checked: a file may name one estimator in many
    places, or inside itself. So each is looked at once, by `known`, and not below MAX_DEPTH.
    """
    if type(estimator) is not RecordedEstimator:  # inside a record that was made from a live object
        return bool(getattr(getattr(tags_of(estimator), "input_tags", None), "allow_nan", False))
    place = id(estimator.record)
    if place not in known:
        known[place] = False
        known[place] = depth < MAX_DEPTH and _kind_takes_nan(estimator, known, depth + 1)
    return known[place]


def _kind_takes_nan(estimator: RecordedEstimator, known: dict[int, bool], depth: int) -> bool:
    kind = estimator.class_name
    if kind in ("IterativeImputer", "KNNImputer", "SimpleImputer"):
        return _is_nan(estimator.missing_values)
    if kind in ("BaggingClassifier", "BaggingRegressor"):  # without an estimator it is a tree
        return estimator.estimator is None or _takes_nan(estimator.estimator, known, depth)
    if BASES.get(kind) == "_BaseHeterogeneousEnsemble":
        members = [member for _, member in estimator.estimators if type(member) is not str]
        return all(_takes_nan(member, known, depth) for member in members)
    return kind in TAKE_NAN


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
