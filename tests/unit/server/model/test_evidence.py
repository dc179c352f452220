"""The order of evidence, as a table: what is known → the schemas to try, the first one first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from server.errors import ModelError
from server.model.evidence import Example, Signature, SignatureColumn, candidates
from server.schema import Evidence, InputForm, Kind, Schema

NUMBER, STRING, ANY, DATETIME = Kind.NUMBER, Kind.STRING, Kind.ANY, Kind.DATETIME
MATRIX, DATAFRAME, OBJECTS = InputForm.MATRIX, InputForm.DATAFRAME, InputForm.OBJECTS
TEXTS, DICTS, TOKENS, AS_SENT = InputForm.TEXTS, InputForm.DICTS, InputForm.TOKENS, InputForm.AS_SENT
FITTED, OWNER, TRIAL, NOTHING = Evidence.FITTED_PARTS, Evidence.OWNER_EXAMPLE, Evidence.TRIAL, Evidence.NOTHING

numbers = Schema(2, evidence=FITTED, example_row=(0.0, 0.0))
named = Schema(2, ("a", "b"), evidence=FITTED, example_row=(0.0, 0.0))
frame = Schema(
    2, ("a", "b"), form=DATAFRAME, kinds=(STRING, ANY), evidence=FITTED, example_row=("x", 0.0), unused=frozenset("b")
)
texts = Schema(form=TEXTS, evidence=FITTED, example_row=("some text",))
dicts = Schema(form=DICTS, evidence=FITTED, example_row=({"a": 1},))
tokens = Schema(form=TOKENS, evidence=FITTED, example_row=(["a"],))
function = Schema(2, form=AS_SENT, evidence=FITTED, example_row=(0.0, 0.0))
wide = Schema(2, form=AS_SENT, example_row=(0.0, 0.0))
unknown = Schema(form=AS_SENT)


@pytest.mark.parametrize(
    ("fitted", "tried"),
    [
        (numbers, [(MATRIX, "float64", FITTED), (MATRIX, "float32", TRIAL)]),
        (
            named,
            [(MATRIX, "float64", FITTED), (MATRIX, "float32", TRIAL), (DATAFRAME, "float64", TRIAL)],
        ),
        (replace(numbers, dtype="float32"), [(MATRIX, "float32", FITTED), (MATRIX, "float64", TRIAL)]),
        (frame, [(DATAFRAME, "float64", FITTED)]),
        (texts, [(TEXTS, "float64", FITTED)]),
        (dicts, [(DICTS, "float64", FITTED)]),
        (function, [(AS_SENT, "float64", FITTED)]),
        (wide, [(MATRIX, "float64", TRIAL), (MATRIX, "float32", TRIAL), (AS_SENT, "float64", NOTHING)]),
        (unknown, [(AS_SENT, "float64", NOTHING)]),
    ],
)
def test_candidates_of_fitted_parts_alone_try_what_they_say_first(fitted: Schema, tried: list[Any]) -> None:
    found = [each.schema for each in candidates(fitted)]
    assert [(schema.form, schema.dtype, schema.evidence) for schema in found] == tried


OBJECTS_AB = ({"a": 1, "b": 2.5}, {"a": None, "b": 3})


@pytest.mark.parametrize(
    ("fitted", "rows", "tried"),
    [
        (numbers, ([1, 2],), [MATRIX]),
        (numbers, OBJECTS_AB, [MATRIX, DATAFRAME]),
        (named, ([1, 2],), [MATRIX, DATAFRAME]),
        (named, OBJECTS_AB, [MATRIX, DATAFRAME]),
        (frame, OBJECTS_AB, [DATAFRAME]),
        (frame, (["x", 2],), [DATAFRAME]),
        (texts, ("good", "bad"), [TEXTS]),
        (dicts, OBJECTS_AB, [DICTS]),
        (tokens, (["a", "b"], ["c"]), [TOKENS]),
        (function, ([1, 2],), [AS_SENT, MATRIX]),
        (wide, ([1, 2],), [MATRIX, AS_SENT]),
        (wide, (["x", 2],), [AS_SENT, OBJECTS]),
        (unknown, ([1, 2],), [MATRIX, AS_SENT]),
        (unknown, OBJECTS_AB, [DATAFRAME, DICTS]),
        (unknown, ("good", "bad"), [TEXTS]),
        (unknown, (["a", "b"], ["c"]), [AS_SENT, TOKENS]),
    ],
)
def test_candidates_of_an_owners_example_are_of_no_weaker_evidence(
    fitted: Schema, rows: tuple[Any, ...], tried: list[InputForm]
) -> None:
    signature = Signature((SignatureColumn("other", NUMBER),))
    found = candidates(fitted, Example("input-example.json", rows), None, signature)
    assert [each.schema.form for each in found] == tried
    assert {each.schema.evidence for each in found} == {OWNER}
    assert all(each.rows == rows for each in found)


def test_candidates_of_an_example_by_name_put_the_values_into_the_models_order() -> None:
    (matrix, _) = candidates(named, Example("f", ({"b": 2, "a": 1},)))
    assert matrix.schema.example_row == (1, 2)


def test_candidates_of_an_example_by_name_name_the_columns_of_a_model_without_names() -> None:
    schema = candidates(unknown, Example("f", ({"x": 1, "y": "u"}, {"x": None, "y": None})))[0].schema
    assert (schema.names, schema.features, schema.kinds, schema.example_row) == (
        ("x", "y"),
        2,
        (NUMBER, STRING),
        (1, "u"),
    )
    assert candidates(numbers, Example("f", ({"x": 1, "y": 2},)))[0].schema.names == ("x", "y")


def test_candidates_of_an_example_with_further_columns_ignore_them_in_requests_too() -> None:
    assert candidates(frame, Example("f", ({"a": "x", "b": 1, "trace": 7},)))[0].schema.ignores_extra_columns
    assert not candidates(frame, Example("f", ({"a": "x", "b": 1},)))[0].schema.ignores_extra_columns


def test_candidates_of_an_example_with_dates_try_them_as_strings_and_as_dates() -> None:
    found = candidates(unknown, Example("f", ({"when": "2026-01-31"}, {"when": "2026-02-01T10:00:00"})))
    assert [(each.schema.form, each.schema.kinds) for each in found] == [
        (DATAFRAME, (STRING,)),
        (DATAFRAME, (DATETIME,)),
        (DICTS, ()),
    ]


@pytest.mark.parametrize(
    ("fitted", "rows", "dtypes", "form", "expected"),
    [
        (unknown, ({"a": 1},), {"a": "int64"}, DATAFRAME, (("int64",), (Kind.INTEGER,), ())),
        (unknown, ({"a": "2026-01-01"},), {"a": "datetime64[ns]"}, DATAFRAME, (("datetime64[ns]",), (DATETIME,), ())),
        (unknown, ({"a": "x"},), {"a": ("x", "y")}, DATAFRAME, (("category",), (STRING,), (("x", "y"),))),
        (named, ([1, 2],), {"a": "int64"}, DATAFRAME, (("int64", ""), (Kind.INTEGER, NUMBER), ())),
    ],
)
def test_candidates_of_an_example_with_dtypes_take_them_over(
    fitted: Schema, rows: Any, dtypes: Any, form: InputForm, expected: Any
) -> None:
    schema = candidates(fitted, Example("f", rows, dtypes))[0].schema
    assert (schema.form, (schema.dtypes, schema.kinds, schema.categories)) == (form, expected)


def test_candidates_of_an_example_with_one_dtype_for_all_are_a_matrix_of_it() -> None:
    schema = candidates(numbers, Example("f", ([1, 2],), {"x0": "int64", "x1": "int64"}))[0].schema
    assert (schema.form, schema.dtype) == (MATRIX, "int64")


def test_candidates_of_an_example_with_dtypes_of_no_column_are_refused_in_words() -> None:
    with pytest.raises(ModelError, match=r"^f: dtypes has 'z', but the columns are a, b$"):
        candidates(named, Example("f", ([1, 2],), {"z": "int64"}))


def test_candidates_of_mlflow_come_before_the_fitted_parts() -> None:
    signature = Signature((SignatureColumn("b", NUMBER, "float64"), SignatureColumn("a", NUMBER, "float64")))
    found = [each.schema.evidence for each in candidates(named, None, Example("f", ([1, 2],)), signature)]
    example, declared = Evidence.MLFLOW_EXAMPLE, Evidence.MLFLOW_SIGNATURE
    assert found == [example, example, declared, FITTED, TRIAL, TRIAL]


COLUMNS = (
    SignatureColumn("when", DATETIME, "datetime64[ns]"),
    SignatureColumn("city", STRING),
    SignatureColumn("age", Kind.INTEGER, "int64", required=False),
)


def test_candidates_of_a_signature_with_names_are_a_dataframe_of_its_types() -> None:
    schema = candidates(unknown, signature=Signature(COLUMNS))[0].schema
    assert (schema.form, schema.names, schema.kinds) == (
        DATAFRAME,
        ("when", "city", "age"),
        (DATETIME, STRING, Kind.INTEGER),
    )
    assert (schema.dtypes, schema.unused) == (("datetime64[ns]", "", "int64"), {"age"})
    assert schema.example_row == ("2026-01-01T00:00:00", "text", 0)


def test_candidates_of_a_signature_keep_what_the_fitted_parts_know_better() -> None:
    columns = (SignatureColumn("b", NUMBER, "float32"), SignatureColumn("a", STRING))
    schema = candidates(frame, signature=Signature(columns))[0].schema
    assert (schema.names, schema.kinds, schema.dtypes) == (("a", "b"), (STRING, NUMBER), ("", "float32"))
    assert (schema.example_row, schema.unused) == (("x", 0.0), {"b"})


@pytest.mark.parametrize(
    ("fitted", "signature"),
    [
        (named, Signature((SignatureColumn("other", NUMBER),))),
        (numbers, Signature((SignatureColumn("", NUMBER),))),
        (numbers, Signature((), "float32", 3)),
        (numbers, Signature((), "object", 2)),
        (texts, Signature((), "float64", 2)),
    ],
)
def test_candidates_of_a_signature_of_another_model_leave_it_out(fitted: Schema, signature: Signature) -> None:
    assert candidates(fitted, signature=signature) == candidates(fitted)


@pytest.mark.parametrize(
    ("signature", "dtype"),
    [
        (Signature((), "float32", 2), "float32"),
        (Signature((), "int64", None), "int64"),
        (Signature((SignatureColumn("", NUMBER), SignatureColumn("", Kind.INTEGER))), "float64"),
    ],
)
def test_candidates_of_a_signature_without_names_are_a_matrix(signature: Signature, dtype: str) -> None:
    schema = candidates(numbers, signature=signature)[0].schema
    assert (schema.form, schema.dtype, schema.evidence) == (MATRIX, dtype, Evidence.MLFLOW_SIGNATURE)
