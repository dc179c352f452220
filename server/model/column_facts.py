"""What a fitted part says about the columns that it reads: their kinds, dtypes and categories. Nothing here calls it.

Each kind of part keeps that in attributes of its own. `SOURCES` lists them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.model.estimator_types import is_of_scikit_learn, library_of, tags_of
from server.model.families.lightgbm_text import positions_of_categories
from server.model.families.ubjson import read_ubjson
from server.model.families.xgboost_categories import column_types, known_categories
from server.model.fitted_parts import NUMERIC_LIBRARIES, Part, computes_numbers
from server.model.pickledata.records import Unknown
from server.model.recorded_estimator import RecordedEstimator
from server.model.value_kinds import invented_value, kind_of_values
from server.schema import Kind

TEXT = "some text"


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What is known of one column."""

    kind: Kind = Kind.ANY
    dtype: str = ""
    """The pandas dtype."""
    categories: tuple[Any, ...] = ()
    """Of the dtype `category`."""
    example: Any = None
    """A value that the model knows; None where any value of the kind will do."""
    null_is_none: bool = False
    """Whether the model was fitted with None for a missing value."""

    @property
    def value(self) -> Any:
        """A value for an invented row; of categories that are not known a missing one."""
        if self.dtype == "category" and not self.categories:
            return None
        return invented_value(self.kind) if self.example is None else self.example


Facts = Mapping[int, ColumnFacts]
"""By the position among the columns that the part reads."""

UNKNOWN, NUMBER = ColumnFacts(), ColumnFacts(Kind.NUMBER)


def facts_of(part: Part) -> dict[int, ColumnFacts]:
    """Return what the part says about the input's columns, by their positions in the input."""
    width = len(part.columns)
    if not part.unchanged:
        return {column: NUMBER for column in part.columns if takes_numbers(part.estimator)}
    for source in SOURCES:
        found = source(part.estimator, width)
        if found is not None:
            return {part.columns[index]: facts for index, facts in found.items() if index < width}
    return dict.fromkeys(part.columns, NUMBER) if takes_numbers(part.estimator) else {}


def is_known(part: Part) -> bool:
    """Return whether what the part takes is known: its columns are numbers, or it says what they are."""
    return takes_numbers(part.estimator) or any(
        source(part.estimator, len(part.columns)) is not None for source in SOURCES
    )


def takes_numbers(estimator: Any) -> bool:
    """Return whether the part takes nothing but numbers.

    Parts with categories say so themselves, before this is asked.
    """
    if is_of_scikit_learn(estimator, "FunctionTransformer"):
        return computes_numbers(estimator)
    if is_of_scikit_learn(estimator, "SimpleImputer", "_BaseEncoder", "DummyClassifier", "DummyRegressor"):
        return False
    tags = getattr(tags_of(estimator), "input_tags", None)
    return library_of(estimator) in NUMERIC_LIBRARIES and bool(getattr(tags, "two_d_array", True))


# ---- the kinds of parts: each returns None for an estimator of another kind -------------------------------------


def _encoder(estimator: Any, width: int) -> Facts | None:
    """OneHotEncoder, OrdinalEncoder, TargetEncoder: `categories_`, one array for each column."""
    categories = getattr(estimator, "categories_", None)
    if not is_of_scikit_learn(estimator, "_BaseEncoder") or categories is None or len(categories) != width:
        return None
    return {index: _of_categories(values) for index, values in enumerate(categories)}


def _of_categories(values: Any) -> ColumnFacts:
    array = np.asarray(values)
    present = _present(array)
    if array.dtype.kind == "M":
        return ColumnFacts(Kind.DATETIME, str(array.dtype), example=_iso_date(array))
    kind = kind_of_values(present)
    if array.dtype.kind not in "OUT" and kind is not Kind.ANY:
        dtype = "" if array.dtype.kind == "f" else str(array.dtype)
        kind = Kind.NUMBER if array.dtype.kind == "f" else kind
    else:
        dtype = ""
    has_none = array.dtype.kind == "O" and any(value is None for value in array)
    return ColumnFacts(kind, dtype, example=present[0] if present else None, null_is_none=has_none)


def _present(values: Any) -> tuple[Any, ...]:
    """Return the categories but missing values, which are not an example of a value."""
    plain = (value for value in np.asarray(values).tolist() if isinstance(value, str | int | float))
    return tuple(value for value in plain if value == value)  # noqa: PLR0124 - NaN alone differs from itself


def _iso_date(values: Any) -> str | None:
    known = values[~np.isnat(values)]
    return str(np.datetime_as_string(known[0], unit="s")) if len(known) else None


def _imputer(estimator: Any, width: int) -> Facts | None:
    """SimpleImputer of strings; the statistics of numbers say less than the part that it passes them to."""
    statistics = getattr(estimator, "statistics_", None)
    if not is_of_scikit_learn(estimator, "SimpleImputer") or statistics is None or len(statistics) != width:
        return None
    if np.dtype(getattr(estimator, "_fit_dtype", np.float64)).kind in "fiub":
        return dict.fromkeys(range(width), NUMBER)
    none = estimator.missing_values is None
    values = np.asarray(statistics, dtype=object).tolist()
    present = [_present([value]) for value in values]
    return {
        index: ColumnFacts(kind_of_values(found), example=found[0] if found else None, null_is_none=none)
        for index, found in enumerate(present)
    }


def _text(estimator: Any, width: int) -> Facts | None:
    """Return a column of texts for a vectorizer inside a ColumnTransformer."""
    tags = getattr(tags_of(estimator), "input_tags", None)
    reads_text = bool(getattr(tags, "string", False)) and not getattr(tags, "two_d_array", True)
    return {0: ColumnFacts(Kind.STRING, example=TEXT)} if reads_text and width == 1 else None


def _histogram_boosting(estimator: Any, width: int) -> Facts | None:
    """Histogram gradient boosting: its own preprocessor has the categories of the columns in `is_categorical_`."""
    mask = getattr(estimator, "is_categorical_", None)
    preprocessor = getattr(estimator, "_preprocessor", None)
    if mask is None or preprocessor is None or len(mask) != width:
        return None
    encoder = preprocessor.named_transformers_["encoder"]
    positions = np.flatnonzero(mask).tolist()
    found = dict.fromkeys(range(width), NUMBER)
    for position, values in zip(positions, encoder.categories_, strict=True):
        facts = _of_categories(values)
        if facts.kind is Kind.STRING:
            categories = _present(values)
            facts = ColumnFacts(Kind.STRING, "category", categories, categories[0])
        else:
            facts = ColumnFacts(Kind.NUMBER, example=facts.example)
        found[position] = facts
    return found


def _lightgbm(estimator: Any, width: int) -> Facts | None:
    """LightGBM: the booster has the categories of pandas, and its text the columns that they belong to."""
    if library_of(estimator) != "lightgbm":
        return None
    booster: Any = getattr(estimator, "_Booster", estimator)
    categories = getattr(booster, "pandas_categorical", None)
    if not categories:
        return None
    read = type(booster) is RecordedEstimator
    model = booster._handle if read else booster.model_to_string(num_iteration=1)  # noqa: SLF001 - its name in the file
    positions = positions_of_categories(model, categories)
    if positions is None:
        return None
    found = dict.fromkeys(range(width), NUMBER)
    for position, values in zip(positions, categories, strict=True):
        found[position] = _category(values)
    return found


def _category(values: Sequence[Any]) -> ColumnFacts:
    return ColumnFacts(kind_of_values(values), "category", tuple(values), values[0] if values else None)


def _xgboost(estimator: Any, width: int) -> Facts | None:
    """XGBoost: `feature_types` says which columns are categories, and since 3.1 the model keeps them."""
    if library_of(estimator) != "xgboost":
        return None
    learner = _learner(estimator)
    types = column_types(learner)
    if "c" not in types or len(types) != width:
        return None
    known = known_categories(learner)
    found = dict.fromkeys(range(width), NUMBER)
    for position, kind in enumerate(types):
        if kind == "c":
            found[position] = _category(known.get(position, ()))
    return found


def _learner(estimator: Any) -> Mapping[str, Any]:
    """Return what an XGBoost model says of itself, but nothing of a model without categories that was loaded as code.

    Its own method for the categories needs pyarrow.
    """
    booster: Any = getattr(estimator, "_Booster", estimator)
    with contextlib.suppress(Unknown):  # of too many trees
        if type(booster) is RecordedEstimator:
            return read_ubjson(booster.handle)["Model"]["learner"]  # type: ignore[no-any-return]
        if booster is not None and "c" in (booster.feature_types or ()):
            return read_ubjson(booster.save_raw("ubj"))["learner"]  # type: ignore[no-any-return]
    return {}


def _category_encoder(estimator: Any, _: int) -> Facts | None:
    """category_encoders: the columns in `cols`. The others pass through."""
    if library_of(estimator) != "category_encoders":
        return None
    names = list(getattr(estimator, "feature_names_in_", ()))
    cols = set(getattr(estimator, "cols", None) or ())
    encoded = [position for position, name in enumerate(names) if name in cols]
    known = _encoded_values(estimator)
    found = {}
    for position in encoded:
        values = _present(known.get(names[position], ()))
        kind = kind_of_values(values) if values else Kind.ANY
        found[position] = ColumnFacts(kind, example=values[0] if values else TEXT)
    return found


def _encoded_values(estimator: Any) -> dict[Any, Sequence[Any]]:
    """Return the values that an encoder was fitted on, by column. Many have an OrdinalEncoder inside that has them."""
    inner = getattr(estimator, "ordinal_encoder", None) or getattr(estimator, "base_n_encoder", None)
    if inner is not None:
        return _encoded_values(inner)
    mapping = getattr(estimator, "mapping", None)
    if isinstance(mapping, list):
        mapping = {each["col"]: each["mapping"] for each in mapping if "data_type" in each}
    if not isinstance(mapping, dict):
        return {}
    return {name: list(values.index) for name, values in mapping.items() if hasattr(values, "index")}


SOURCES: tuple[Callable[[Any, int], Facts | None], ...] = (
    _encoder,
    _imputer,
    _text,
    _histogram_boosting,
    _lightgbm,
    _xgboost,
    _category_encoder,
)
