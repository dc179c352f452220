"""Encoders of categories as data give the answers of scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import preprocessing

from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_to,
    assert_unknown_with,
)

RNG = np.random.default_rng(4)
ROWS = 200
WORDS = np.c_[
    RNG.choice(["red", "green", "blue", "a rare one"], ROWS, p=[0.5, 0.3, 0.19, 0.01]),
    RNG.choice(["no", "yes"], ROWS),
    RNG.choice([f"city {number}" for number in range(20)], ROWS),
].astype(object)
HOLES = WORDS.copy()
HOLES[::7, 0], HOLES[::5, 1], HOLES[1::9, 2] = None, np.nan, np.nan
HOLES[::10, 2] = None
MIXED = np.c_[WORDS[:, :1], RNG.choice([True, False], (ROWS, 1)), RNG.integers(0, 9, (ROWS, 1))].astype(object)
NUMBERS = np.c_[RNG.integers(0, 5, ROWS), RNG.choice([0.5, -1.25, 3.0], ROWS), RNG.integers(-3, 0, ROWS)]
NAN = NUMBERS.copy()
NAN[::6, 1] = np.nan
BINARY = np.c_[NUMBERS[:, :1] > 1, NUMBERS[:, 1:]]
DATA = {"words": WORDS, "holes": HOLES, "mixed": MIXED, "numbers": NUMBERS, "nan": NAN, "binary": BINARY}
TARGETS = {
    "binary": RNG.choice(["no", "yes"], ROWS),
    "continuous": RNG.normal(size=ROWS),
    "multiclass": RNG.choice(["low", "middle", "high"], ROWS),
}

ONE_HOT = {
    "default": {},
    "ignore": {"handle_unknown": "ignore"},
    "ignore, dense": {"handle_unknown": "ignore", "sparse_output": False},
    "dense": {"sparse_output": False},
    "float32": {"sparse_output": False, "dtype": np.float32},
    "int": {"sparse_output": False, "dtype": int},
    "dtype by name": {"sparse_output": False, "dtype": "uint8"},
    "first dropped": {"drop": "first", "handle_unknown": "ignore"},
    "binary dropped": {"drop": "if_binary"},
    "infrequent": {"min_frequency": 12, "handle_unknown": "infrequent_if_exist", "sparse_output": False},
    "infrequent share": {"min_frequency": 0.3, "handle_unknown": "ignore"},
    "infrequent dropped": {"max_categories": 3, "drop": "first", "handle_unknown": "infrequent_if_exist"},
    "infrequent binary dropped": {"max_categories": 2, "drop": "if_binary", "handle_unknown": "infrequent_if_exist"},
    "all infrequent": {"max_categories": 1, "drop": "first", "handle_unknown": "infrequent_if_exist"},
    "warned": {"handle_unknown": "warn", "max_categories": 3},
}
ORDINAL = {
    "default": {},
    "unknown": {"handle_unknown": "use_encoded_value", "unknown_value": -1},
    "unknown NaN": {"handle_unknown": "use_encoded_value", "unknown_value": np.nan, "encoded_missing_value": -5},
    "int": {"handle_unknown": "use_encoded_value", "unknown_value": -1, "encoded_missing_value": -2, "dtype": np.int64},
    "float32": {"encoded_missing_value": -0.1, "dtype": np.float32},
    "infrequent": {"handle_unknown": "use_encoded_value", "unknown_value": 99, "min_frequency": 12},
    "infrequent to three": {"max_categories": 3},
}


def inputs(data: Any) -> Iterator[Any]:
    """Yield single rows, all rows, and rows with values of no category."""
    yield data
    yield data[::-1][:50:2]
    for row in range(10):
        yield data[row : row + 1]
    for unknown in (
        ("violet", 7, -0.0, 3, None, np.nan, np.inf, True) if data.dtype == object else (77, -0.0, np.nan, np.inf)
    ):
        for at in range(data.shape[1]):
            other = data[:6].copy()
            other[2, at] = other[4, at] = unknown
            yield other
            yield other[2:3]
    yield np.asfortranarray(data[:30])
    yield np.array([[1.0, 2.0, 3.0], [0.0, 0.5, -1.0]])
    yield np.array([[1.0, 0.5, -1.0]])
    yield np.array([["red", "no", "city 3"]], object)
    yield np.array([[1, 0.5, -2], [1.0, "a", np.float64(-2)]], object)


def fitted(encoder: Any, data: str, target: str = "continuous") -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return encoder.fit(DATA[data], TARGETS[target])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("options", ONE_HOT)
def test_part_of_a_one_hot_encoder_gives_the_answers_of_scikit_learn(options: str, data: str) -> None:
    encoder = fitted(preprocessing.OneHotEncoder(**ONE_HOT[options]), data)
    assert_equal_to(encoder, list(inputs(DATA[data])))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("options", ORDINAL)
def test_part_of_an_ordinal_encoder_gives_the_answers_of_scikit_learn(options: str, data: str) -> None:
    encoder = preprocessing.OrdinalEncoder(**ORDINAL[options])
    assert_equal_to(fitted(encoder, data), list(inputs(DATA[data])))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("target", TARGETS)
def test_part_of_a_target_encoder_gives_the_answers_of_scikit_learn(target: str, data: str) -> None:
    assert_equal_to(fitted(preprocessing.TargetEncoder(), data, target), list(inputs(DATA[data])))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("options", ["default", "ignore", "infrequent dropped"])
def test_part_of_an_encoder_of_named_columns_gives_the_answers_of_scikit_learn(options: str) -> None:
    frame = pd.DataFrame(
        {
            "word": WORDS[:, 0],
            "hole": pd.Series(HOLES[:, 1], dtype=object),
            "number": NAN[:, 1],
            "integer": NUMBERS[:, 0].astype(int),
            "flag": NUMBERS[:, 0] > 1,
            "mixed": pd.Series(MIXED[:, 2], dtype=object),
        }
    )
    encoder = preprocessing.OneHotEncoder(**ONE_HOT[options]).fit(frame)
    other = frame[:8].copy()
    other.loc[3, "word"], other.loc[5, "number"], other.loc[6, "integer"] = "violet", 9.5, 2**53 + 1
    infinite = frame[:3].copy()
    infinite.loc[1, "number"] = np.inf
    wrong = frame[:1].copy().assign(word=[1.0])
    mixed = frame[:1].copy().assign(mixed=[float(MIXED[0, 2])])
    singles = [frame[row : row + 1] for row in range(20)]
    assert_equal_to(encoder, [frame, *singles, other, other[3:4], other[5:6], other[6:7], infinite, wrong, mixed])


def test_part_of_an_encoder_of_objects_refuses_an_array_of_numbers_as_scikit_learn_does() -> None:
    objects = pd.DataFrame({"a": np.array([1, 2.5, 3], object)})
    encoder = preprocessing.OrdinalEncoder().fit(objects)
    assert_equal_to(encoder, [objects, objects[:1], objects.astype(float), objects.astype(float)[:1]])
    encoder = preprocessing.OrdinalEncoder().fit(objects.to_numpy())
    assert_equal_to(encoder, [objects.to_numpy()[:1], np.array([[2.5]]), np.array([[1]])])


def test_part_of_an_encoder_with_chosen_categories_keeps_their_order() -> None:
    chosen = [["green", "blue", "red", "a rare one"], ["yes", "no"], [f"city {number}" for number in range(19, -1, -1)]]
    assert_equal_to(fitted(preprocessing.OneHotEncoder(categories=chosen), "words"), [WORDS])
    dropped = preprocessing.OneHotEncoder(categories=chosen, drop=["red", "yes", "city 3"])
    assert_equal_to(fitted(dropped, "words"), [WORDS])


MANY = [np.array(["a", "b"], object)] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"categories_": MANY[:2]},
        {"categories_": [*MANY[:2], np.array(["a", "a"], object)]},
        {"categories_": [*MANY[:2], np.array([], object)]},
        {"categories_": [*MANY[:2], np.array([("a",)], object)]},
        {"categories_": [*MANY[:2], np.array([2.0, 1.0])]},
        {"categories_": [*MANY[:2], np.array([np.nan, 1.0])]},
        {"categories_": [*MANY[:2], np.array([1, 2**60])]},
        {"categories_": [*MANY[:2], ["a", "b"]]},
        {"categories_": [*MANY[:2], np.array([1j])]},
        {"_n_features_outs": [1, 1, 1]},
        {"_n_features_outs": [1, 1]},
        {"_infrequent_enabled": True},
        {"_infrequent_enabled": True, "_infrequent_indices": [None] * 3},
        {"_infrequent_enabled": True, "_infrequent_indices": [None] * 3, "_default_to_infrequent_mappings": [[0]] * 3},
        {"_drop_idx_after_grouping": np.array([0, 0], object)},
        {"_drop_idx_after_grouping": np.array([0, 0, -1], object)},
        {"_drop_idx_after_grouping": np.array([0, 0, "a"], object)},
        {"dtype": np.float32},
        {"dtype": "object"},
        {"dtype": len},
        {"handle_unknown": "guess"},
        {"sparse_output": REMOVED},
        {"n_features_in_": REMOVED},
    ],
)
def test_part_of_a_one_hot_encoder_with_another_state_is_unknown(changes: Any) -> None:
    assert_unknown_with(fitted(preprocessing.OneHotEncoder(), "words"), **changes)


@pytest.mark.parametrize(
    ("encoder", "changes"),
    [
        (preprocessing.OrdinalEncoder(), {"_missing_indices": {0: "a"}}),
        (preprocessing.OrdinalEncoder(), {"_missing_indices": REMOVED}),
        (preprocessing.OrdinalEncoder(), {"handle_unknown": "use_encoded_value"}),
        (
            preprocessing.OrdinalEncoder(max_categories=3),
            {"_default_to_infrequent_mappings": [np.array([0])] * 3},
        ),
        (preprocessing.TargetEncoder(), {"encodings_": [np.zeros(3)] * 2}),
        (preprocessing.TargetEncoder(), {"encodings_": [np.zeros(3)] * 3}),
        (preprocessing.TargetEncoder(), {"target_mean_": "a"}),
        (preprocessing.TargetEncoder(), {"_infrequent_enabled": True}),
        (preprocessing.TargetEncoder(), {"target_type_": "multiclass"}),
    ],
)
def test_part_of_another_encoder_with_another_state_is_unknown(encoder: Any, changes: Any) -> None:
    assert_unknown_with(fitted(encoder, "words"), **changes)
