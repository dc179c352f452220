"""The schema and what is known of its columns → the form that the page shows."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from server.model.column_values import ColumnValues
from server.model.study import Study
from server.protocols.form import MAX_FIELDS, SEEN, form_of
from server.protocols.json_answer import encode_json
from server.schema import Evidence, InputForm, Kind, Schema

TABLE = Schema(
    names=("city", "age", "member", "note"),
    form=InputForm.DATAFRAME,
    kinds=(Kind.STRING, Kind.NUMBER, Kind.BOOLEAN, Kind.ANY),
    example_row=("Oslo", 49.0, False, 0.0),
    unused=frozenset({"note"}),
    methods=frozenset({"predict", "predict_proba"}),
    classes=("no", "<img onerror=alert(1)>"),
    evidence=Evidence.FITTED_PARTS,
)
COLUMNS = (
    ColumnValues(choices=("Oslo", "Rome")),
    ColumnValues(49.0, 18.123456, 80.0, "the training data"),
    *[ColumnValues()] * 2,
)


def form(schema: Schema, columns: Any = (), seen: Any = None, **more: Any) -> Any:
    study = Study(schema.example_row, columns, **more)
    return orjson.loads(encode_json(form_of(schema, study, seen or {}, "sklearn 1.9.1", "data")))


def field(name: str, kind: str, example: str, **more: Any) -> dict[str, Any]:
    usual = {"choices": [], "range": None, "missing": True, "unused": False}
    return {"name": name, "type": kind, "example": example, **usual, **more}


def test_form_of_a_table_has_a_field_for_each_column() -> None:
    found = form(TABLE, COLUMNS)
    age = {"low": 18.12, "high": 80.0, "source": "the training data"}
    assert found["fields"] == [
        field("city", "string", '"Oslo"', choices=['"Oslo"', '"Rome"']),
        field("age", "number", "49", range=age),
        field("member", "boolean", "false"),
        field("note", "any", "null", unused=True),
    ]
    assert (found["named"], found["probabilities"], found["classes"][1]) == (True, True, "<img onerror=alert(1)>")
    assert found["csv"] == {"columns": ["city", "age", "member"], "reason": ""}


def test_form_of_a_matrix_without_names_has_numbered_fields_and_ranges_of_requests() -> None:
    schema = Schema(features=2, example_row=(1.5, 2.0), evidence=Evidence.FITTED_PARTS)
    found = form(schema, (), {"1": (0.0, 9.0)})
    assert [(each["name"], each["example"], each["range"], each["missing"]) for each in found["fields"]] == [
        ("x0", "1.5", None, False),
        ("x1", "2", {"low": 0.0, "high": 9.0, "source": SEEN}, False),
    ]
    assert (found["named"], found["example"]) == (False, "[1.5,2.0]")


def test_form_keeps_integers_that_javascript_cannot() -> None:
    schema = Schema(features=1, dtype="int64", example_row=(2**53 + 1,), evidence=Evidence.FITTED_PARTS)
    found = form(schema, (ColumnValues(choices=(2**53 + 1, 2**53 + 2)),))
    assert found["fields"][0]["choices"] == ["9007199254740993", "9007199254740994"]
    assert found["fields"][0]["example"] == "9007199254740993"


def test_form_of_categories_without_a_study_has_those_of_the_schema() -> None:
    schema = Schema(
        names=("city",),
        form=InputForm.DATAFRAME,
        kinds=(Kind.STRING,),
        dtypes=("category",),
        categories=(("Bonn", "Rome"),),
        example_row=("Bonn",),
    )
    assert form(schema)["fields"][0]["choices"] == ['"Bonn"', '"Rome"']


def test_form_of_very_many_features_is_a_box_of_json() -> None:
    schema = Schema(features=MAX_FIELDS + 1, example_row=(0.0,) * (MAX_FIELDS + 1))
    assert form(schema)["fields"] == []


@pytest.mark.parametrize(
    ("form_of_input", "example", "expected"),
    [
        (InputForm.TEXTS, "a good day", '"a good day"'),
        (InputForm.TOKENS, ["good", "day"], '["good","day"]'),
        (InputForm.DICTS, {"city": "Rome", "temp": 2.5}, '{"city":"Rome","temp":2.5}'),
    ],
)
def test_form_of_single_values_has_the_example_as_json(form_of_input: InputForm, example: Any, expected: str) -> None:
    found = form(Schema(form=form_of_input, example_row=(example,)))
    assert found["example"] == expected
    assert [each["name"] for each in found["fields"]] == (list(example) if isinstance(example, dict) else [])


def test_form_says_why_there_is_no_csv() -> None:
    tokens = Schema(form=InputForm.TOKENS, example_row=(["a"],))
    assert form(tokens)["csv"]["reason"] == "a row is a list of words, which a CSV does not have"
    scaler = Schema(features=1, methods=frozenset({"transform"}))
    assert "no predict()" in form(scaler)["csv"]["reason"]


def test_form_of_an_unknown_input_has_an_example_of_two_numbers() -> None:
    found = form(Schema(form=InputForm.AS_SENT))
    assert (found["example"], found["example_source"], found["fields"]) == ("[0.0,0.0]", "", [])


@pytest.mark.parametrize(
    ("evidence", "columns", "source"),
    [
        (Evidence.OWNER_EXAMPLE, (), "from input-example.json"),
        (Evidence.MLFLOW_EXAMPLE, (), "from MLflow's input_example.json"),
        (Evidence.FITTED_PARTS, (ColumnValues(1.0),), "from what the model knows of its training data"),
        (Evidence.FITTED_PARTS, (ColumnValues(),), "invented: the model knows no usual values"),
    ],
)
def test_form_says_where_the_example_is_from(evidence: Evidence, columns: Any, source: str) -> None:
    assert form(Schema(features=1, example_row=(1.0,), evidence=evidence), columns)["example_source"] == source


def test_form_says_why_answers_are_not_explained() -> None:
    found = form(TABLE, unexplained="its score is no sum")
    assert found["explanation"] == {"possible": False, "reason": "its score is no sum"}
