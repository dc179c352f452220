"""Fields of a CSV as the values that JSON would have."""

from __future__ import annotations

from typing import Any

import pytest

from server.inputs.columns import Column
from server.inputs.csv_fields import columns_of_header, typed_fields
from server.schema import InputForm, Kind, Schema


@pytest.mark.parametrize(
    ("column", "fields", "expected"),
    [
        (Column(Kind.NUMBER), ["1", "2.5", "", "x", "TRUE"], [1, 2.5, None, "x", True]),
        (Column(Kind.INTEGER), ["9007199254740993", "1e3"], [9007199254740993, 1000.0]),
        (Column(Kind.STRING), ["007", "", "x"], ["007", None, "x"]),
        (Column(Kind.DATETIME), ["20240131", ""], ["20240131", None]),
        (Column(Kind.BOOLEAN), ["True", "FALSE", "1", "", "x"], [True, False, 1, None, "x"]),
        (Column(Kind.ANY), ["1", "2.5", ""], [1, 2.5, None]),
        (Column(Kind.ANY), ["True", "false", ""], [True, False, None]),
        (Column(Kind.ANY), ["1", "x", ""], ["1", "x", None]),
        (Column(Kind.ANY), ["1_000", "2"], ["1_000", "2"]),
        (Column(Kind.NUMBER), ["1_000", "2"], ["1_000", 2]),
        (Column(Kind.ANY, "category", ("1", "2")), ["1", ""], ["1", None]),
        (Column(Kind.ANY, "category", (1, 2)), ["1", ""], [1, None]),
    ],
)
def test_typed_fields_of_each_kind(column: Column, fields: list[str], expected: list[Any]) -> None:
    assert [(type(value), value) for value in typed_fields(fields, column)] == [
        (type(value), value) for value in expected
    ]


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        (Schema(names=("b", "a"), form=InputForm.DATAFRAME, kinds=(Kind.STRING, Kind.NUMBER)), [Kind.NUMBER, Kind.ANY]),
        (Schema(1), [Kind.NUMBER, Kind.ANY]),
        (Schema(form=InputForm.AS_SENT), [Kind.ANY, Kind.ANY]),
        (Schema(form=InputForm.DICTS), [Kind.ANY, Kind.ANY]),
    ],
)
def test_columns_of_header_are_the_models_by_name_or_by_position(schema: Schema, kinds: list[Kind]) -> None:
    assert [column.kind for column in columns_of_header(["a", "z"], schema)] == kinds
