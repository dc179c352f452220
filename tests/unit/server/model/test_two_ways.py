from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from server.errors import ModelError
from server.model.load_policy import LoadPolicy
from server.model.loader import load
from server.model.two_ways import ROWS, differences, rows_of, same
from server.schema import InputForm, Kind, Schema
from tests.unit.server import example_models

NAMES = ("numbers", "named", "people", "gaps", "texts", "objects", "scaler", "vectorizer")


def saved(folder: Path, model: Any) -> Path:
    path = folder / "model.joblib"
    joblib.dump(model, path)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_differences_of_a_model_that_is_known_as_data_are_none(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path, getattr(example_models, name))
    assert differences(load(path, policy=LoadPolicy.DATA), path) == []


def test_differences_names_each_field_and_each_method_that_differs(tmp_path: Path) -> None:
    path = saved(tmp_path, example_models.numbers)
    found = load(path, policy=LoadPolicy.DATA)
    predict = found.methods["predict"]
    wrong = replace(predict, call=lambda X: predict.call(X) if len(X) == 1 else predict.call(X)[::-1])
    spoiled = replace(found, methods={**found.methods, "predict": wrong}, schema=replace(found.schema, classes=()))
    assert differences(spoiled, path) == ["the schema's classes", f"predict of {ROWS} random rows"]


def test_differences_of_a_file_that_does_not_load_as_code_raises(tmp_path: Path) -> None:
    path = saved(tmp_path, example_models.numbers)
    found = load(path, policy=LoadPolicy.DATA)
    path.write_bytes(b"garbage")
    with pytest.raises(ModelError):
        differences(found, path)


def test_rows_of_a_table_have_other_numbers_and_the_example_s_other_values() -> None:
    kinds = (Kind.NUMBER, Kind.STRING, Kind.INTEGER)
    rows = rows_of(Schema(3, ("a", "b", "c"), form=InputForm.DATAFRAME, kinds=kinds, example_row=(0.5, "x", 3)))
    assert len(rows) == ROWS
    assert len({row[0] for row in rows}) > ROWS / 2
    assert {(row[1], row[2]) for row in rows} == {("x", 3)}


def test_rows_without_a_table_are_the_example() -> None:
    assert rows_of(Schema(form=InputForm.TEXTS, example_row=("some text",))) == ["some text"]
    assert rows_of(Schema(form=InputForm.AS_SENT, example_row=(1, 2))) == [[1, 2]]
    assert rows_of(Schema(2)) == []


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (np.array([1.0, np.nan]), np.array([1.0, -np.nan]), True),
        (np.array([0.0]), np.array([-0.0]), False),
        (np.array([1.0]), np.array([1]), False),
        (np.array([1.0]), np.array([[1.0]]), False),
        (np.array(["a"]), np.array(["a"]), True),
        ([np.array([1.0])], [np.array([1.0])], True),
        ([np.array([1.0])], [np.array([2.0])], False),
        (("ValueError", "x"), np.array([1.0]), False),
    ],
)
def test_same_compares_every_bit(one: Any, other: Any, equal: bool) -> None:
    assert same(one, other) == equal
