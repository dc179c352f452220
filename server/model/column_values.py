"""Values that a fitted model knows for each column of its input: a usual one, the choices, and the range.

They make an example that people can change, in place of a row of zeros. Only the fitted attributes of the parts that
read the input are looked at. Nothing here calls the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.labels import as_json
from server.model.estimator_types import is_of_scikit_learn, library_of
from server.model.explanation.additive import trees_of
from server.model.families.lightgbm_text import read_text
from server.model.fitted_parts import Part, parts_of
from server.model.pickledata.records import Unknown, as_record
from server.model.recorded_estimator import RecordedEstimator
from server.schema import Schema

DIGITS = 3
"""Significant digits of a usual value: it is an example, and 5.84 is easier to change than 5.843333333333334."""

MAX_CHOICES = 1000
"""Categories that are shown of one column. More make the page slow, and nobody reads them."""

WHOLE = 2**53
"""Integers up to here are exact as a number of JSON."""


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """What is known of one column. None and () stand for what is not known."""

    usual: float | None = None
    low: float | None = None
    high: float | None = None
    source: str = ""
    """Where `low` and `high` are from, in words."""
    choices: tuple[Any, ...] = ()


NOTHING = ColumnValues()
Found = Mapping[int, ColumnValues]
"""By the position among the columns that the part reads."""

TRAINING = "the training data"
BINS = "the bins of the training data"
THRESHOLDS = "the thresholds of the trees"
MEAN_AND_SPREAD = "the training data's mean ± 2 standard deviations"
SPREADS = 2


def column_values(estimator: Any, schema: Schema) -> tuple[ColumnValues, ...]:
    """Return what the parts of the fitted estimator know of each column."""
    columns = tuple(range(schema.features or 0))
    known: dict[int, ColumnValues] = {}
    for part in parts_of(estimator, columns, schema.names):
        if not part.unchanged:
            continue
        for position, found in _of_part(part).items():
            known.setdefault(part.columns[position], found)
    return tuple(known.get(column, NOTHING) for column in columns)


def usual_number(value: float) -> float:
    """Return the value with a few digits."""
    return float(f"{value:.{DIGITS}g}")


def _of_part(part: Part) -> Found:
    width = len(part.columns)
    for source in SOURCES:
        try:
            found = source(part.estimator, width)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, Unknown):
            continue  # another version of a library keeps something else under this name
        if found:
            return {index: values for index, values in found.items() if index < width}
    return {}


def _between(low: Any, high: Any, usual: Any = None, source: str = TRAINING) -> Found:
    """Return columns with these least and largest values; the middle is usual where nothing else is known."""
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    middle = (low + high) / 2 if usual is None else np.asarray(usual, np.float64)
    return {
        index: ColumnValues(at, start, end, source)
        for index, (at, start, end) in enumerate(zip(middle.tolist(), low.tolist(), high.tolist(), strict=True))
        if np.isfinite([at, start, end]).all()
    }


def _around(usual: Any) -> Found:
    """Return columns with these usual values."""
    values = np.asarray(usual, np.float64)
    return {index: ColumnValues(at) for index, at in enumerate(values.tolist()) if np.isfinite(at)}


# ---- the kinds of parts: each returns nothing for an estimator of another kind -----------------------------------


def _encoder(estimator: Any, _: int) -> Found:
    """OneHotEncoder, OrdinalEncoder, TargetEncoder."""
    if not is_of_scikit_learn(estimator, "_BaseEncoder"):
        return {}
    return {index: ColumnValues(choices=_choices(values)) for index, values in enumerate(estimator.categories_)}


def _choices(values: Any) -> tuple[Any, ...]:
    """Return the categories as JSON has them, without a missing one; () where there are too many."""
    if len(values) > MAX_CHOICES:
        return ()
    plain = [as_json(value) for value in np.asarray(values).tolist()]
    return tuple(value for value in plain if value is not None and value == value)  # noqa: PLR0124 - NaN alone differs


def _standard(estimator: Any, _: int) -> Found:
    """StandardScaler: it has measured the mean, and usually the standard deviation."""
    if not is_of_scikit_learn(estimator, "StandardScaler"):
        return {}
    if estimator.scale_ is None:
        return _around(estimator.mean_)
    mean, spread = np.asarray(estimator.mean_), SPREADS * np.asarray(estimator.scale_)
    return _between(mean - spread, mean + spread, mean, MEAN_AND_SPREAD)


def _scaler(estimator: Any, _: int) -> Found:
    """Return what another scaler has measured."""
    if is_of_scikit_learn(estimator, "MinMaxScaler"):
        return _between(estimator.data_min_, estimator.data_max_)
    if is_of_scikit_learn(estimator, "RobustScaler"):
        return _around(estimator.center_)
    if is_of_scikit_learn(estimator, "MaxAbsScaler"):
        return _around(np.asarray(estimator.max_abs_) / 2)
    return {}


def _bins(estimator: Any, _: int) -> Found:
    """Return the quantiles of a QuantileTransformer, or the edges of the bins of a KBinsDiscretizer."""
    if is_of_scikit_learn(estimator, "QuantileTransformer"):
        quantiles = np.asarray(estimator.quantiles_)
        return _between(quantiles[0], quantiles[-1], quantiles[len(quantiles) // 2])
    if is_of_scikit_learn(estimator, "KBinsDiscretizer"):
        edges = list(estimator.bin_edges_)
        return _between([edge[0] for edge in edges], [edge[-1] for edge in edges])
    return {}


def _imputer(estimator: Any, width: int) -> Found:
    """SimpleImputer of numbers."""
    if not is_of_scikit_learn(estimator, "SimpleImputer") or len(estimator.statistics_) != width:
        return {}
    return _around(estimator.statistics_)


def _rows(estimator: Any, width: int) -> Found:
    """Return the means and ranges of the training rows that an estimator keeps."""
    for name in ("_fit_X", "X_train_", "support_vectors_"):
        kept = getattr(estimator, name, None)
        if isinstance(kept, np.ndarray) and kept.ndim == 2 and kept.shape[1] == width and len(kept):  # noqa: PLR2004
            return _between(kept.min(axis=0), kept.max(axis=0), np.median(kept, axis=0))
    return {}


def _means(estimator: Any, width: int) -> Found:
    """Return the means that an estimator was fitted to: of its classes, of its clusters, or of all rows."""
    for name in ("theta_", "xbar_", "cluster_centers_", "mean_"):
        kept = getattr(estimator, name, None)
        if isinstance(kept, np.ndarray) and kept.shape[-1:] == (width,):
            return _around(kept.reshape(-1, width).mean(axis=0))
    return {}


def _histogram_boosting(estimator: Any, width: int) -> Found:
    """Histogram gradient boosting: the thresholds of its bins are quantiles of the training data."""
    if not is_of_scikit_learn(estimator, "HistGradientBoostingClassifier", "HistGradientBoostingRegressor"):
        return {}
    category = getattr(estimator, "is_categorical_", None)
    is_category = np.zeros(width, bool) if category is None else np.asarray(category, bool)
    # Behind a preprocessor the columns of categories come first.
    order = [*np.flatnonzero(is_category).tolist(), *np.flatnonzero(~is_category).tolist()]
    order = order if getattr(estimator, "_preprocessor", None) is not None else list(range(width))
    bins = estimator._bin_mapper.bin_thresholds_  # noqa: SLF001 - its name in the file
    found = {}
    for index, each in zip(order, bins, strict=True):
        if len(each) and not is_category[index]:
            found[index] = ColumnValues(float(each[len(each) // 2]), float(each[0]), float(each[-1]), BINS)
    return found


def _lightgbm(estimator: Any, width: int) -> Found:
    """LightGBM: its text has the range of each feature's values."""
    if library_of(estimator) != "lightgbm":
        return {}
    booster = as_record(estimator.record if type(estimator) is RecordedEstimator else estimator).state["_Booster"]
    infos = read_text(as_record(booster).state["_handle"]).header["feature_infos"].split(" ")
    ranges = {index: info[1:-1].split(":") for index, info in enumerate(infos) if info.startswith("[")}
    found = {}
    for index, (low, high) in ranges.items():
        least, largest = float(low), float(high)
        found[index] = ColumnValues((least + largest) / 2, least, largest, TRAINING)
    return found if len(infos) == width else {}


def _trees(estimator: Any, width: int) -> Found:
    """Return the range of the thresholds of a tree, a forest or boosting."""
    value = estimator.record if type(estimator) is RecordedEstimator else estimator
    by_feature = trees_of(value).thresholds()
    return {
        index: ColumnValues(float(np.median(each)), float(each.min()), float(each.max()), THRESHOLDS)
        for index, each in by_feature.items()
        if index < width and np.isfinite(each).all()
    }


# ---- rows that are no table -------------------------------------------------------------------------------------


def usual_dict(vectorizer: Any) -> dict[str, Any]:
    """Return an object with every key that a DictVectorizer knows: the first text that a key had, or the number 1."""
    row: dict[str, Any] = {}
    for name in list(vectorizer.feature_names_)[:MAX_KEYS]:
        key, separator, value = str(name).partition(vectorizer.separator)
        row.setdefault(key, value if separator else 1.0)
    return row


def usual_text(vectorizer: Any) -> str:
    """Return a text of words that a vectorizer knows, from all over the alphabet."""
    words = sorted(word for word in vectorizer.vocabulary_ if str(word).isalpha())
    count = min(WORDS, len(words))
    return " ".join(words[(2 * at + 1) * len(words) // (2 * count)] for at in range(count))


MAX_KEYS = 200
WORDS = 6

SOURCES: tuple[Callable[[Any, int], Found], ...] = (
    _encoder,
    _standard,
    _scaler,
    _bins,
    _imputer,
    _histogram_boosting,
    _lightgbm,
    _rows,
    _means,
    _trees,
)
