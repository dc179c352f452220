"""The one table of estimators that are known as data.

An estimator is known by the full name of its exact type: a subclass may do anything. A new entry needs a fitted model
in tests/unit/server/model/families/; the tests compare every bit.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from typing import Any

from server.model.families.base import Part
from server.model.families.state import GIVES_FLOAT32, Family, State
from server.model.pickledata.records import Unknown, as_record, name_of

MODULES: Mapping[str, str] = {
    "lightgbm.sklearn": "lightgbm",
    "sklearn.calibration": "calibrated",
    "sklearn.cluster": "kmeans",
    "sklearn.compose": "column_transformer target",
    "sklearn.cross_decomposition": "cross_decomposition",
    "sklearn.decomposition": "decomposition factor_analysis",
    "sklearn.discriminant_analysis": "discriminant",
    "sklearn.dummy": "dummy",
    "sklearn.ensemble": "boosting_ensembles gradient_boosting hist_gradient_boosting isolation_forest stacking trees"
    " voting",
    "sklearn.feature_extraction": "dicts feature_hasher text",
    "sklearn.feature_selection": "selection",
    "sklearn.frozen": "delegates",
    "sklearn.impute": "imputers iterative_imputer neighbor_imputer",
    "sklearn.isotonic": "isotonic",
    "sklearn.kernel_ridge": "kernel_ridge",
    "sklearn.linear_model": "glm linear linear_classifiers sgd",
    "sklearn.mixture": "mixture",
    "sklearn.model_selection": "delegates thresholds",
    "sklearn.multiclass": "multiclass",
    "sklearn.multioutput": "multioutput",
    "sklearn.naive_bayes": "naive_bayes",
    "sklearn.neighbors": "centroids neighbors",
    "sklearn.neural_network": "mlp",
    "sklearn.pipeline": "compose",
    "sklearn.preprocessing": "discretizer encoders function_transformer polynomial quantile_power scalers splines",
    "sklearn.semi_supervised": "delegates",
    "sklearn.svm": "linear linear_classifiers svm",
    "sklearn.tree": "trees",
    "xgboost.sklearn": "xgboost",
}
"""The modules of families, by the package of the classes that they know. A family is imported when a model has a class
of its package: all together take longer to import than most models to load."""


class _Known(Mapping[str, Family]):
    """The families by the full names of their classes."""

    def __getitem__(self, name: str) -> Family:
        return _families(".".join(name.split(".")[:2]))[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all known classes; all families are imported."""
        return chain.from_iterable(map(_families, MODULES))

    def __len__(self) -> int:
        return len(list(iter(self)))


@cache
def _families(package: str) -> Mapping[str, Family]:
    found: dict[str, Family] = {}
    for module in MODULES.get(package, "").split():
        families = importlib.import_module(f"server.model.families.{module}").FAMILIES
        found |= {name: family for name, family in families.items() if name.startswith(f"{package}.")}
    return found


KNOWN: Mapping[str, Family] = _Known()

EXACT_FROM_FLOAT32 = frozenset(
    {"Pipeline", "ColumnTransformer", "FeatureUnion", "OneHotEncoder", "OrdinalEncoder", "KBinsDiscretizer"}
    | {f"{tree}{kind}" for tree in ("DecisionTree", "ExtraTree") for kind in ("Classifier", "Regressor")}
    | {f"{trees}{kind}" for trees in ("RandomForest", "ExtraTrees") for kind in ("Classifier", "Regressor")}
    | {
        f"{trees}{kind}"
        for trees in ("GradientBoosting", "HistGradientBoosting")
        for kind in ("Classifier", "Regressor")
    }
    | {"SVC", "SVR", "NuSVC", "NuSVR"}
)
"""Estimators that give the same bits for the codes of an encoder in float32 as in float64, because they convert or only
compare them. Most others compute in the dtype of their input, and no family computes in float32."""

MAX_PARTS = 10_000
"""Estimators in one model. A file may name one estimator in many places, and each place counts."""

MAX_DEPTH = 20
"""Estimators inside one another."""


def part_of(value: Any, classes: dict[str, None] | None = None) -> Part:
    """Return the part that an estimator or its record describes. `classes` receives the names of all classes in it.

    Raises:
        Unknown: it is not known as data; the message names the first thing that is not.

    """
    builder = _Builder({} if classes is None else classes)
    part = builder.build(value)
    if GIVES_FLOAT32 in builder.traits and (others := builder.names - EXACT_FROM_FLOAT32):
        raise Unknown(f"an encoder to float32 with {min(others)}, which may compute in it, is not known as data")
    if part.lacks:
        raise Unknown(f"{', '.join(sorted(part.lacks))} of {part.name} is not known as data")
    return part


class _Builder:
    def __init__(self, classes: dict[str, None]) -> None:
        self._classes = classes
        self.names: set[str] = set()
        """Of all classes, without their packages."""
        self._parts = 0
        self._depth = 0
        self.traits: set[str] = set()
        """Of all parts that were built."""

    def build(self, value: Any) -> Part:
        """Return the part of one estimator, and of those inside it."""
        self._parts += 1
        if self._parts > MAX_PARTS or self._depth >= MAX_DEPTH:
            limits = f"{MAX_PARTS:,} parts, or {MAX_DEPTH} inside one another"
            raise Unknown(f"a model of more than {limits}, is not known as data")
        family = KNOWN.get(name_of(value))
        if family is None:
            raise Unknown(f"{_shown(value)} is not known as data")
        self._classes[_shown(value)] = None
        self.names.add(name_of(value).rpartition(".")[2])
        self._depth += 1
        try:
            state = State(as_record(value), family.keys, self.build)
            part = family.part(state)
            self.traits |= state.traits
            return part
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            MemoryError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise Unknown(f"{_shown(value)} has a state that is not known as data ({type(error).__name__})") from error
        finally:
            self._depth -= 1


def _shown(value: Any) -> str:
    """Return an estimator's class for error texts."""
    return name_of(value).rpartition(".")[2][:80]
