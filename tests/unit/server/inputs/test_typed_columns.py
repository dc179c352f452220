"""A NamedTable holds what scikit-learn reads from a DataFrame of the same columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from server.errors import InputError
from server.inputs.dataframe import to_dataframe
from server.inputs.json_rows import rows_to_input
from server.inputs.named_columns import mapping_to_input
from server.inputs.named_table import NamedTable
from server.inputs.typed_columns import to_named_table
from server.inputs.wording import cell_of_row
from server.schema import InputForm, Kind, Schema


def schema(kind: Kind = Kind.ANY, dtype: str = "", categories: tuple[Any, ...] = (), **more: Any) -> Schema:
    form = InputForm.DATAFRAME
    return Schema(names=("a",), form=form, kinds=(kind,), dtypes=(dtype,), categories=(categories,), **more)


COLUMNS = [
    (schema(), [1, 2]),
    (schema(), [1, 2.5, None]),
    (schema(), ["x", "y"]),
    (schema(), [True, None]),
    (schema(Kind.NUMBER), [None]),
    (schema(Kind.NUMBER), [2**60]),
    (schema(Kind.STRING), ["x", None]),
    (schema(Kind.STRING, "object"), ["x", None]),
    (schema(Kind.STRING, null_is_none=frozenset("a")), ["x", None]),
    (schema(Kind.BOOLEAN), [True, False]),
    (schema(dtype="int64"), [1, 2.0]),
    (schema(dtype="int64"), [1, None]),
    (schema(dtype="int32"), [1, 2]),
    (schema(dtype="float32"), [1, None]),
    (schema(dtype="float64"), [1, 2]),
    (schema(dtype="bool"), [True, None]),
    (schema(dtype="object"), [1, None, "x"]),
    (schema(dtype="no such type"), [1]),
    (schema(dtype="category", categories=("Oslo", "Rome")), ["Rome", None]),
    (schema(dtype="category", categories=(1, 2, 3)), [3, 1.0, 2]),
    (schema(dtype="category", categories=(1, 2, 3)), [3, None]),
    (schema(dtype="datetime64[ns]"), ["2024-01-31", None]),
]


@pytest.mark.parametrize(("found", "values"), COLUMNS)
def test_to_named_table_column_is_what_numpy_reads_from_the_dataframe(found: Schema, values: Any) -> None:
    expected = np.asarray(to_dataframe([values], found)["a"])
    column = to_named_table([values], found).columns[0]
    assert column.dtype == expected.dtype
    pd.testing.assert_series_equal(pd.Series(column), pd.Series(expected))


@pytest.mark.parametrize(
    ("found", "values", "words"),
    [
        (schema(dtype="category", categories=("Oslo",)), ["Bonn"], "data[0][0] is 'Bonn'; the model's categories are"),
        (schema(dtype="float32"), [1.0, 1e39], "data[1][0] is too large for the model's float32"),
        (schema(dtype="int8"), [1, 128], "data[1][0] is 128, which does not fit the model's int8"),
        (schema(Kind.NUMBER), ["x"], "data[0][0] is a string; a number is needed"),
        (schema(dtype="datetime64[ns]"), [5], "data[0][0] is a number; a date in ISO 8601 is needed"),
    ],
)
def test_to_named_table_value_that_does_not_suit_is_named(found: Schema, values: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        to_named_table([values], found, cell_of_row("data"))
    assert words in str(caught.value)


def test_rows_to_input_of_a_model_loaded_as_data_is_a_named_table() -> None:
    found = Schema(names=("a", "b"), form=InputForm.DATAFRAME, kinds=(Kind.NUMBER, Kind.STRING), named_table=True)
    for X in (
        rows_to_input([{"b": "x", "a": 1.5}], found, "data", no_strings=False),
        rows_to_input([[1.5, "x"]], found, "data", no_strings=False),
        mapping_to_input({"b": ["x"], "a": [1.5]}, found, "data"),
    ):
        assert isinstance(X, NamedTable)
        assert (X.names, [column.tolist() for column in X.columns]) == (("a", "b"), [[1.5], ["x"]])


def test_rows_to_input_as_sent_to_a_model_loaded_as_data_is_a_named_table() -> None:
    unknown = replace(Schema(), form=InputForm.AS_SENT, named_table=True)
    X = rows_to_input([{"b": "x", "a": 1}, {"b": "y", "a": 2}], unknown, "data", no_strings=False)
    assert (X.names, [column.tolist() for column in X.columns]) == (("b", "a"), [["x", "y"], [1, 2]])
