"""DictVectorizer as data gives the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from server.model.families.registry import part_of
from tests.unit.server.model.families.equality import REMOVED, assert_equal_to, assert_unknown_with

ROWS: list[dict[str, Any]] = [
    {"city": "Rome", "warm": 12.5, "tags": ["a", "b"]},
    {"warm": -3, "city": "Oslo", "flag": True},
    {"city": "Rome", "tags": ["b"], "warm": None},
    {"other": 1e300, "city=Oslo": 2.0, "flag": False},
]
INPUTS: list[Any] = [
    ROWS,
    ROWS[::-1],
    *([row] for row in ROWS),
    ROWS[0],
    [{}],
    [{"unknown": 1}, {"city": "Bonn"}],
    [{"city": "Oslo", "city=Oslo": 0.1, "tags": ["a", "a", "b", "a"]}],
    [{"warm": float("inf")}],
    [],
    [{"warm": {"a": 1}}],
    [{"warm": object}],
    [{"tags": [1, "a"]}],
    ["text"],
]


@pytest.mark.parametrize(
    "options", [{}, {"sparse": False}, {"separator": "|", "sort": False}, {"sparse": False, "sort": False}]
)
def test_part_of_a_dict_vectorizer_gives_the_answers_of_scikit_learn(options: Any) -> None:
    assert_equal_to(DictVectorizer(**options).fit(ROWS), INPUTS)


def test_part_of_a_dict_vectorizer_stores_the_values_in_the_order_of_the_columns() -> None:
    vectorizer = DictVectorizer().fit(ROWS)
    expected, found = vectorizer.transform(ROWS), part_of(vectorizer).methods["transform"](ROWS)
    assert found.columns.tolist() == expected.indices.tolist()
    assert found.starts.tolist() == expected.indptr.tolist()


@pytest.mark.filterwarnings("ignore")
def test_pipeline_of_dicts_gives_the_answers_of_scikit_learn() -> None:
    rows = [{**row, "warm": number} for number, row in enumerate(ROWS)]
    pipeline = make_pipeline(DictVectorizer(), LogisticRegression()).fit(rows, ["no", "yes", "no", "yes"])
    assert_equal_to(pipeline, [rows, rows[:1], [{"city": "Bonn"}]])


@pytest.mark.parametrize(
    "changes",
    [
        {"vocabulary_": {}},
        {"vocabulary_": {"a": 0, "b": 2}},
        {"vocabulary_": {"a": 0, 1: 1}},
        {"vocabulary_": {"a": 0, "b": "1"}},
        {"vocabulary_": ["a"]},
        {"separator": None},
        {"dtype": np.float32},
        {"dtype": float},
        {"sparse": REMOVED},
    ],
)
def test_part_of_a_dict_vectorizer_with_another_state_is_unknown(changes: Any) -> None:
    assert_unknown_with(DictVectorizer().fit(ROWS), **changes)
