"""Imputers as data give the answers of scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import MissingIndicator, SimpleImputer

from server.model.families.registry import part_of
from server.model.pickledata.records import as_record
from tests.unit.server.fitted_models import X
from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_to,
    assert_unknown_with,
    hostile_matrices,
)

RNG = np.random.default_rng(8)
HOLES = np.round(X, 1)
HOLES[RNG.random(X.shape) < 0.2] = np.nan
HOLES[:, 3] = X[:, 3]
EMPTY = HOLES.copy()
EMPTY[:, 1] = np.nan
CODED = np.where(np.isnan(HOLES), -1.0, HOLES)
WORDS = np.c_[RNG.choice(["a", "b", "c"], 80), RNG.choice(["x", "yy"], 80), RNG.choice(["1", "2"], 80)].astype(object)
WORDS[::7, 0], WORDS[3::9, 1] = np.nan, np.nan
NONE = np.where(WORDS != WORDS, None, WORDS)  # noqa: PLR0124 - only NaN is not itself
MARKED = np.where(WORDS != WORDS, "?", WORDS)  # noqa: PLR0124 - only NaN is not itself
INTEGERS = RNG.integers(-1, 5, (80, 3))

IMPUTERS: dict[str, tuple[Any, Any]] = {
    "mean": (SimpleImputer(), HOLES),
    "mean of nothing missing": (SimpleImputer(), X),
    "median": (SimpleImputer(strategy="median"), HOLES),
    "most frequent": (SimpleImputer(strategy="most_frequent"), HOLES),
    "constant": (SimpleImputer(strategy="constant"), HOLES),
    "constant value": (SimpleImputer(strategy="constant", fill_value=-7.5), HOLES),
    "marked": (SimpleImputer(add_indicator=True), HOLES),
    "empty column": (SimpleImputer(), EMPTY),
    "empty column kept": (SimpleImputer(keep_empty_features=True), EMPTY),
    "empty column of a constant": (SimpleImputer(strategy="constant", fill_value=3), EMPTY),
    "empty column kept of a constant": (
        SimpleImputer(strategy="constant", fill_value=3, keep_empty_features=True),
        EMPTY,
    ),
    "empty column marked": (SimpleImputer(strategy="most_frequent", add_indicator=True), EMPTY),
    "code": (SimpleImputer(missing_values=-1), CODED),
    "code marked": (SimpleImputer(missing_values=-1.0, add_indicator=True, strategy="median"), CODED),
    "words": (SimpleImputer(strategy="most_frequent"), WORDS),
    "words by a constant": (SimpleImputer(strategy="constant"), WORDS),
    "words by a chosen constant": (SimpleImputer(strategy="constant", fill_value="other", add_indicator=True), WORDS),
    "words, None": (SimpleImputer(strategy="most_frequent", missing_values=None), NONE),
    "words, a mark": (SimpleImputer(strategy="most_frequent", missing_values="?"), MARKED),
    "integers": (SimpleImputer(strategy="most_frequent", missing_values=-1), INTEGERS),
    "integers by a constant": (SimpleImputer(strategy="constant", fill_value=9, missing_values=-1), INTEGERS),
    "indicator": (MissingIndicator(), HOLES),
    "indicator of all": (MissingIndicator(features="all"), HOLES),
    "indicator of new": (MissingIndicator(error_on_new=False, sparse=False), HOLES),
    "indicator of a code": (MissingIndicator(missing_values=-1), CODED),
    "indicator of words": (MissingIndicator(missing_values=None), NONE),
}


def fitted(name: str) -> Any:
    imputer, data = IMPUTERS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return imputer.fit(data)


def inputs(data: Any) -> list[Any]:
    singles = [data[row : row + 1] for row in range(20)]
    wide = np.resize(np.array([1.5, np.nan, -1, 7, 2], object), (6, data.shape[1]))
    words = np.resize(np.array(["a", None, "?", np.nan, 3], object), (5, data.shape[1]))
    small = np.resize(np.array([1, -1, 3]), (4, data.shape[1]))
    found = [data, *singles, data[::2], np.asfortranarray(data), wide, words, small, small > 0, data.astype(object)]
    return (
        [*found, *hostile_matrices(np.nan_to_num(data))]
        if data.dtype == np.float64
        else [*found, small * 1.0, wide[2:3]]
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", IMPUTERS)
def test_part_of_an_imputer_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fitted(name), inputs(IMPUTERS[name][1]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "imputer",
    [SimpleImputer(strategy="most_frequent"), SimpleImputer(strategy="constant", add_indicator=True)],
)
def test_part_of_an_imputer_of_named_columns_gives_the_answers_of_scikit_learn(imputer: Any) -> None:
    words = pd.DataFrame(WORDS, columns=["a", "b", "c"], dtype=object)
    numbers = pd.DataFrame(HOLES, columns=list("abcde"))
    mixed = words.assign(c=HOLES[:80, 0], d=INTEGERS[:, 0])
    for frame in (words, numbers, mixed):
        assert_equal_to(imputer.fit(frame), [frame, *(frame[row : row + 1] for row in range(9))])


def test_part_of_an_imputer_saved_without_fill_dtype_uses_the_fitted_dtype() -> None:
    imputer = fitted("mean")
    record = as_record(imputer)
    record.state = {key: value for key, value in record.state.items() if key != "_fill_dtype"}
    assert_equal_to(imputer, [HOLES], part_of(record))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mean", {"statistics_": np.zeros(2)}),
        ("mean", {"statistics_": np.zeros(5, np.float16)}),
        ("mean", {"statistics_": np.zeros(5, complex)}),
        ("mean", {"statistics_": np.array([1, 2, 3, 4, []], object)}),
        ("mean", {"strategy": "guess"}),
        ("mean", {"copy": False}),
        ("mean", {"missing_values": REMOVED}),
        ("mean", {"missing_values": [1]}),
        ("mean", {"_fit_dtype": REMOVED}),
        ("mean", {"_fit_dtype": np.dtype(np.float16)}),
        ("mean", {"_fit_dtype": np.dtype("M8[s]"), "_fill_dtype": np.dtype("M8[s]")}),
        ("mean", {"_fill_dtype": np.dtype(object)}),
        ("mean", {"keep_empty_features": REMOVED}),
        ("words", {"statistics_": np.array(["a", "b", "c"])}),
        ("marked", {"indicator_": None}),
        ("marked", {"indicator_": MissingIndicator().fit(HOLES)}),
        ("indicator", {"features_": np.array([5])}),
        ("indicator", {"features_": np.array([-1])}),
        ("indicator", {"features_": np.array([0.0])}),
        ("indicator", {"features": "some"}),
        ("indicator", {"sparse": True}),
    ],
)
def test_part_of_an_imputer_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(fitted(name), **changes)
