"""A model that was read as data is described as the same model that was loaded as code, field by field."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from server.model.families.base import Part
from server.model.families.registry import part_of
from server.model.pickledata.records import Record, Unknown, as_record
from server.model.probe_budget import ProbeBudget
from server.model.recorded_estimator import RecordedEstimator
from server.model.trials import try_model
from server.schema import Schema
from tests import models_of_people
from tests.unit.server import example_models, fitted_models
from tests.unit.server.model.families.equality import as_dense, same

EXAMPLES = [name for name, model in vars(example_models).items() if isinstance(model, BaseEstimator)]


def assert_described_alike(estimator: Any) -> None:
    """Raise AssertionError unless the schema is equal, with every answer to the example row."""
    record = as_record(estimator)
    try:
        data = RecordedEstimator(record, part_of(record))
    except Unknown:
        return
    code, read = schema_of(estimator), schema_of(data)
    for field in fields(Schema):
        one, other = getattr(code, field.name), getattr(read, field.name)
        if field.name == "named_table":
            assert (one, other) == (False, True)
        elif field.name == "example_answers":
            assert one.keys() == other.keys()
            assert all(same(as_dense(answer), as_dense(other[name])) for name, answer in one.items())
        else:
            assert one == other, field.name


def schema_of(estimator: Any) -> Schema:
    return try_model(estimator, ProbeBudget(600.0)).schema


@pytest.mark.parametrize("name", [*fitted_models.DIRECT, *fitted_models.OTHERS])
def test_schema_of_a_fitted_model_is_that_of_the_code(name: str) -> None:
    assert_described_alike(fitted_models.fitted(name))


@pytest.mark.parametrize("name", EXAMPLES)
def test_schema_of_an_example_model_is_that_of_the_code(name: str) -> None:
    assert_described_alike(getattr(example_models, name))


@pytest.mark.parametrize("model", models_of_people.MODELS, ids=lambda model: model.kind)
def test_schema_of_a_model_of_people_is_that_of_the_code(model: models_of_people.ModelOfPeople) -> None:
    assert_described_alike(model.make())


PART = Part("A", {"predict": len}, width=3, names=("a", "b", "c"), classes=np.array([0, 1]))


def estimator(state: Any = None, name: str = "sklearn.some.Thing") -> RecordedEstimator:
    return RecordedEstimator(Record(name, state={} if state is None else state))


def test_attributes_of_the_part_come_before_those_of_the_record() -> None:
    found = RecordedEstimator(Record("sklearn.some.Thing", state={"n_features_in_": 9, "coef_": None}), PART)
    assert (found.n_features_in_, found.feature_names_in_, found.classes_.tolist()) == (3, ("a", "b", "c"), [0, 1])
    assert found.coef_ is None
    assert found.predict([1, 2]) == 2


@pytest.mark.parametrize(
    ("X", "words"), [(np.zeros((1, 2)), "X has 2 features, but A is expecting 3"), (np.zeros((0, 3)), "0 sample")]
)
def test_method_refuses_matrices_of_another_width_or_without_rows(X: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RecordedEstimator(Record("sklearn.some.Thing", state={}), PART).predict(X)


@pytest.mark.parametrize("name", ["predict", "transform", "coef_", "classes_", "__sklearn_tags__"])
def test_attribute_that_the_estimator_would_not_have_raises(name: str) -> None:
    with pytest.raises(AttributeError, match=f"'Thing' object has no attribute '{name}'"):
        getattr(estimator(), name)
    with pytest.raises(AttributeError):
        getattr(estimator(["no", "dict"]), name)


def test_records_inside_lists_and_tuples_are_estimators() -> None:
    inner = Record("sklearn.some.Inner", state={"mean_": 1.0})
    found = estimator({"steps": [("a", inner)], "best": inner, "deep": [[[[inner]]]], "plain": {"a": inner}})
    assert [(name, step.mean_) for name, step in found.steps] == [("a", 1.0)]
    assert found.best.class_name == "Inner"
    assert found.deep == [[[[inner]]]]
    assert found.plain == {"a": inner}


def test_columns_of_a_remainder_are_a_list() -> None:
    columns = Record("sklearn.compose._column_transformer._RemainderColsList", state={"data": ["a", "b"]})
    found = estimator({"transformers_": [("remainder", "passthrough", columns)]})
    assert found.transformers_ == [("remainder", "passthrough", ["a", "b"])]
    assert found.named_transformers_ == {"remainder": "passthrough"}


def test_union_has_the_features_of_its_first_transformer() -> None:
    first = Record("sklearn.some.Inner", state={"n_features_in_": 4})
    union = estimator({"transformer_list": [("a", first)]})
    assert union.n_features_in_ == 4
    assert not hasattr(union, "feature_names_in_")
