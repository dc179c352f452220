"""The schema that each kind of fitted model has, from its attributes and from its trial."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from server.errors import ModelError
from server.model.introspection import inspect_estimator
from server.schema import InputForm, Kind, Schema
from tests.unit.server import example_models
from tests.unit.server.example_models import schema_of

NUMBER, INTEGER, STRING, ANY = Kind.NUMBER, Kind.INTEGER, Kind.STRING, Kind.ANY


@pytest.mark.parametrize(
    ("model", "takes", "names", "kinds", "example"),
    [
        (example_models.numbers, InputForm.MATRIX, (), (), (0.0, 0.0)),
        (example_models.named, InputForm.MATRIX, ("a", "b"), (), (0.0, 0.0)),
        (example_models.people, InputForm.DATAFRAME, ("city", "age"), (STRING, NUMBER), ("Oslo", 0.0)),
        (example_models.picked, InputForm.DATAFRAME, ("city", "age"), (ANY, NUMBER), (0.0, 0.0)),
        (example_models.objects, InputForm.OBJECTS, (), (STRING, INTEGER), ("x", 1)),
        (example_models.texts, InputForm.TEXTS, (), (), ("some text",)),
    ],
)
def test_try_model_of_each_form_of_input_returns_it_with_an_answer_of_each_method(
    model: Any, takes: InputForm, names: tuple[str, ...], kinds: tuple[Kind, ...], example: tuple[Any, ...]
) -> None:
    schema = schema_of(model)
    assert (schema.form, schema.names, schema.kinds, schema.example_row) == (takes, names, kinds, example)
    assert set(schema.example_answers) == schema.methods  # every method accepted the example


@pytest.mark.parametrize(
    ("model", "classes"),
    [
        (example_models.numbers, ("no", "yes")),
        (example_models.named, (0, 1)),
        (example_models.two_outputs, ((0, 1), (5, 6))),
    ],
)
def test_inspect_estimator_returns_classes_as_plain_values(model: Any, classes: tuple[Any, ...]) -> None:
    found = schema_of(model).classes
    assert found == classes
    assert type(found[0]) is type(classes[0])


def test_inspect_estimator_with_classes_of_none_returns_no_classes() -> None:
    model = LinearRegression().fit([[0.0], [1.0]], [0, 1])
    model.classes_ = None
    assert schema_of(model).classes == ()


@pytest.mark.parametrize(
    "chosen", [("one", StandardScaler(), slice("a", "b")), ("none", OneHotEncoder(), make_column_selector("absent"))]
)
def test_inspect_estimator_with_a_selection_that_cannot_be_read_leaves_its_columns_out(chosen: Any) -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0], "b": [3.0, 1.0]})
    columns = ColumnTransformer([chosen, ("rest", StandardScaler(), ["b"])])
    schema = schema_of(make_pipeline(columns, LinearRegression()).fit(frame, [0, 1]))
    assert (schema.names, schema.form, schema.example_row) == (("a", "b"), InputForm.DATAFRAME, (0.0, 0.0))


def test_inspect_estimator_returns_only_methods_that_the_model_has() -> None:
    methods = schema_of(SVC().fit([[0.0], [1.0]], [0, 1])).methods
    assert methods == {"predict", "decision_function"}  # predict_proba is there only with probability=True
    assert schema_of(KMeans(2, n_init=1).fit([[0.0], [1.0]])).methods == {"predict", "transform"}
    assert schema_of(example_models.missing).allows_missing
    assert not schema_of(example_models.numbers).allows_missing


@pytest.mark.parametrize("model", [example_models.people, example_models.picked])
def test_try_model_of_columns_without_pandas_names_the_requirement(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModelError, match=r"put pandas into requirements\.txt next to it"):
        schema_of(model)


def test_schema_with_names_alone_counts_the_features() -> None:
    assert Schema(names=("a", "b")).features == 2
    assert Schema(3, ("a", "b")).features == 3


def test_inspect_estimator_takes_no_missing_value_as_an_example() -> None:
    rows = np.array([[np.nan, "x"], [np.nan, "y"]], dtype=object)
    schema = inspect_estimator(make_pipeline(OneHotEncoder(), LinearRegression()).fit(rows, [0, 1]))
    assert (schema.example_row, schema.kinds) == ((0.0, "x"), (ANY, STRING))


def test_inspect_estimator_that_forgot_its_number_of_features_does_not_say_it() -> None:
    model = SimpleNamespace(n_features_in_=0, predict=len)  # as a CatBoost model that was saved and loaded
    assert inspect_estimator(model).features is None
