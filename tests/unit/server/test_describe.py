"""What is known of each kind of model once it is loaded."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.svm import SVC

from server.describe import schema_of
from server.schema import Kind, Takes

from . import samples

NUMBER, STRING, ANY = Kind.NUMBER, Kind.STRING, Kind.ANY


@pytest.mark.parametrize(
    ("model", "takes", "names", "kinds", "example"),
    [
        (samples.numbers, Takes.NUMBERS, (), (), (0.0, 0.0)),
        (samples.named, Takes.NUMBERS, ("a", "b"), (), (0.0, 0.0)),
        (samples.people, Takes.FRAME, ("city", "age"), (STRING, ANY), ("Oslo", 0.0)),
        (samples.picked, Takes.FRAME, ("city", "age"), (ANY, ANY), (0.0, 0.0)),
        (samples.objects, Takes.OBJECTS, (), (STRING, NUMBER), ("x", 1)),
        (samples.texts, Takes.TEXTS, (), (), ("some text",)),
    ],
)
def test_the_form_of_the_input(
    model: Any, takes: Takes, names: tuple[str, ...], kinds: tuple[Kind, ...], example: tuple[Any, ...]
) -> None:
    schema = schema_of(model)
    assert (schema.takes, schema.names, schema.kinds, schema.example) == (takes, names, kinds, example)
    assert set(schema.answers) == schema.methods  # every method accepted the example


@pytest.mark.parametrize(
    ("model", "classes"),
    [(samples.numbers, ("no", "yes")), (samples.named, (0, 1)), (samples.two_outputs, ((0, 1), (5, 6)))],
)
def test_classes_are_plain_values(model: Any, classes: tuple[Any, ...]) -> None:
    found = schema_of(model).classes
    assert found == classes
    assert type(found[0]) is type(classes[0])


def test_only_methods_that_the_model_really_has() -> None:
    methods = schema_of(SVC().fit([[0.0], [1.0]], [0, 1])).methods
    assert methods == {"predict", "decision_function"}  # predict_proba is there only with probability=True
    assert schema_of(samples.missing).allows_missing
    assert not schema_of(samples.numbers).allows_missing
