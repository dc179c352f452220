"""`/explain`: rows are read twice, and each answer's parts are sent."""

from __future__ import annotations

import json

import numpy as np
import orjson
import pytest

from server.errors import InputError
from server.inputs.named_table import NamedTable
from server.model.explanation.explainer import Explainer
from server.protocols.explanations import MAX_ROWS, encode_explanations, example_of, explanations, read_data
from tests.unit.server import example_models
from tests.unit.server.example_models import schema_of


def test_read_data_gives_the_models_input_and_that_of_its_parts() -> None:
    schema = schema_of(example_models.people)
    X, table = read_data(b'{"data": [{"city": "Rome", "age": 20}]}', schema)
    assert type(X).__name__ == "DataFrame"
    assert isinstance(table, NamedTable)


def test_read_data_of_too_many_rows_is_refused() -> None:
    body = json.dumps({"data": [[0, 1]] * (MAX_ROWS + 1)}).encode()
    with pytest.raises(InputError, match="data has 101 rows; send at most 100 rows to /explain"):
        read_data(body, schema_of(example_models.numbers))


def test_encode_explanations_has_the_predictions_and_parts_that_add_up() -> None:
    explainer = Explainer(example_models.numbers, schema_of(example_models.numbers))
    rows = np.array([[0.0, 1.0], [3.0, 5.0]])
    labels = example_models.numbers.predict(rows)
    found = orjson.loads(
        encode_explanations(explainer, labels.tolist(), explanations(explainer, rows, labels.tolist()))
    )
    assert found["predictions"] == ["no", "yes"]
    assert (found["method"], found["meaning"][:21]) == ("linear", "base is the intercept")
    for each in found["explanations"]:
        assert (each["of"], each["class"]) == ("the score", "yes")
        total = each["base"] + sum(part["contribution"] for part in each["contributions"])
        assert total + each["others"]["contribution"] == pytest.approx(each["score"])


def test_example_of_is_the_answer_to_the_example() -> None:
    schema = schema_of(example_models.people)
    found = example_of(Explainer(example_models.people, schema), schema)
    assert found["predictions"] == schema.example_answers["predict"].tolist()
