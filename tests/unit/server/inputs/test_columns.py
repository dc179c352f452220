"""One column of values: its type, its missing values, and the value that does not suit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import InputError
from server.inputs.columns import Column, columns_of, kind_of_dtype, to_array
from server.schema import InputForm, Kind, Schema
from tests.examples import examples

NAN = float("nan")
BEYOND = 2**53 + 1


def place(row: int) -> str:
    return f"x[{row}]"


def plain(values: Any) -> list[Any]:
    """Return the values with None for NaN, which does not equal itself."""
    return pd.Series(values, dtype=object).replace({NAN: None}).tolist()


def arrayed(kind: Kind, values: Any) -> np.ndarray[Any, Any]:
    return to_array(values, Column(kind), place)


@pytest.mark.parametrize(
    ("kind", "values", "dtype", "expected"),
    [
        (Kind.NUMBER, [1, 2], "int64", [1, 2]),
        (Kind.NUMBER, [1, 2.0], "float64", [1.0, 2.0]),
        (Kind.NUMBER, [1, None], "float64", [1.0, NAN]),
        (Kind.NUMBER, [None], "float64", [NAN]),
        (Kind.NUMBER, [True, 2], "int64", [1, 2]),
        (Kind.NUMBER, [2**63, 1], "uint64", [2**63, 1]),
        (Kind.NUMBER, [2**63, -1], "float64", [2.0**63, -1.0]),
        (Kind.INTEGER, [1, 2.0], "int64", [1, 2]),
        (Kind.INTEGER, [1, 2.5], "float64", [1.0, 2.5]),
        (Kind.INTEGER, [1, None], "float64", [1.0, NAN]),
        (Kind.INTEGER, [BEYOND, -BEYOND], "int64", [BEYOND, -BEYOND]),
        (Kind.BOOLEAN, [True, 0], "bool", [True, False]),
        (Kind.BOOLEAN, [True, None], "object", [True, NAN]),
        (Kind.BOOLEAN, [None], "object", [NAN]),
        (Kind.STRING, ["a", None], "object", ["a", NAN]),
        (Kind.STRING, [None], "object", [NAN]),
        (Kind.ANY, [True, False], "bool", [True, False]),
        (Kind.ANY, [True, None], "object", [True, NAN]),
        (Kind.ANY, [1, None], "float64", [1.0, NAN]),
        (Kind.ANY, ["a", 1, None], "object", ["a", 1, NAN]),
        (Kind.ANY, np.array([1, 2], np.int8), "int64", [1, 2]),
        (Kind.ANY, np.array([1, 2], np.uint64), "uint64", [1, 2]),
        (Kind.NUMBER, np.array([1, 2], np.float32), "float64", [1.0, 2.0]),
        (Kind.INTEGER, np.array([1.0, 2.0]), "int64", [1, 2]),
        (Kind.BOOLEAN, np.array([True]), "bool", [True]),
    ],
)
def test_to_array_of_each_kind_has_its_type(kind: Kind, values: Any, dtype: str, expected: list[Any]) -> None:
    found = arrayed(kind, values)
    assert found.dtype == dtype
    assert plain(found) == plain(expected)


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (Kind.NUMBER, [1, "2"], "x[1] is a string; a number is needed"),
        (Kind.INTEGER, [1, [2]], "x[1] is a list; a number is needed"),
        (Kind.NUMBER, [1, 10**400], "x[1] is too large for a 64-bit number"),
        (Kind.NUMBER, [1.0, float("inf")], "x[1] is too large for a 64-bit number"),
        (Kind.NUMBER, np.array([1.0, float("inf")]), "x[1] is too large for a 64-bit number"),
        (Kind.ANY, np.array([1.0, -float("inf")], np.float32), "x[1] is too large for a 64-bit number"),
        (Kind.NUMBER, [None, BEYOND], "x[1] is 9007199254740993, an integer that a 64-bit float cannot hold"),
        (Kind.INTEGER, [1.5, BEYOND], "x[1] is 9007199254740993, an integer"),
        (Kind.ANY, [BEYOND, None], "x[0] is 9007199254740993, an integer"),
        (Kind.STRING, ["a", 1], "x[1] is a number; a string is needed"),
        (Kind.BOOLEAN, [True, 2], "x[1] is a number; true or false is needed"),
        (Kind.BOOLEAN, ["true"], "x[0] is a string; true or false is needed"),
        (Kind.ANY, ["a", {}], "x[1] is an object; a value is needed"),
        (Kind.ANY, ["a", 10**400], "x[1] is too large"),
    ],
)
def test_to_array_of_a_value_that_does_not_suit_names_it(kind: Kind, values: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        arrayed(kind, values)
    assert words in str(caught.value)


@examples(500)
@given(
    st.lists(st.none() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False), min_size=1)
)
def test_to_array_of_any_numbers_keeps_each_value_or_refuses(values: list[Any]) -> None:
    for kind in (Kind.NUMBER, Kind.INTEGER, Kind.ANY):
        try:
            found = arrayed(kind, values)
        except InputError:
            assert any(type(value) is int and abs(value) > 2**53 for value in values)
            continue
        assert plain(found) == values


def test_to_array_with_none_for_null_keeps_none() -> None:
    assert to_array(["a", None], Column(Kind.STRING, null=None), place).tolist() == ["a", None]


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        ("int32", Kind.INTEGER),
        ("Int64", Kind.INTEGER),
        ("uint8", Kind.INTEGER),
        ("float32", Kind.NUMBER),
        ("boolean", Kind.BOOLEAN),
        ("datetime64[ns, UTC]", Kind.DATETIME),
        ("string", Kind.STRING),
        ("str", Kind.STRING),
        ("object", Kind.ANY),
        ("category", Kind.ANY),
        ("", Kind.ANY),
    ],
)
def test_columns_of_a_schema_have_the_kind_of_their_dtype(dtype: str, kind: Kind) -> None:
    schema = Schema(names=("a",), form=InputForm.DATAFRAME, kinds=(Kind.ANY,), dtypes=(dtype,))
    assert columns_of(schema, 1)[0].kind is kind


def test_columns_of_a_schema_without_kinds_are_numbers_in_a_matrix_or_where_the_features_are_known() -> None:
    for schema in (Schema(2), Schema()):
        assert [column.kind for column in columns_of(schema, 2)] == [Kind.NUMBER] * 2
    assert [column.kind for column in columns_of(Schema(form=InputForm.AS_SENT), 2)] == [Kind.ANY] * 2


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        ("Int64", Kind.INTEGER),
        ("uint8", Kind.INTEGER),
        ("float32", Kind.NUMBER),
        ("boolean", Kind.BOOLEAN),
        ("datetime64[us]", Kind.DATETIME),
        ("string", Kind.STRING),
        ("category", None),
        ("object", None),
    ],
)
def test_kind_of_dtype_reads_the_names_of_pandas(dtype: str, kind: Kind | None) -> None:
    assert kind_of_dtype(dtype) is kind
