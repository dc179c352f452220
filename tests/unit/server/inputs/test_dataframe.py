"""DataFrames as the model was fitted on them: the type of each column, alone and beside other rows."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd
import pytest

from server.errors import InputError, ModelError
from server.inputs.dataframe import to_dataframe
from server.inputs.wording import cell_of_row
from server.schema import InputForm, Kind, Schema

CITIES = ("Oslo", "Rome")


def schema(kind: Kind = Kind.ANY, dtype: str = "", categories: tuple[Any, ...] = (), **more: Any) -> Schema:
    form = InputForm.DATAFRAME
    return Schema(names=("a",), form=form, kinds=(kind,), dtypes=(dtype,), categories=(categories,), **more)


def one_of(*categories: Any) -> Schema:
    return schema(dtype="category", categories=categories)


def moments(*texts: str | None, zone: str | None = None, unit: str = "ns") -> Any:
    return pd.Series([pd.Timestamp(text) if text else pd.NaT for text in texts]).dt.tz_localize(zone).dt.as_unit(unit)


def series(values: Any, found: Schema) -> Any:
    return to_dataframe([values], found, cell_of_row("data"))["a"]


@pytest.mark.parametrize(
    ("found", "values", "expected"),
    [
        (schema(), [1, 2], pd.Series([1, 2])),
        (schema(), ["x", "y"], pd.Series(["x", "y"])),
        (schema(), [True, None], pd.Series([True, float("nan")], dtype=object)),
        (schema(Kind.STRING), ["x"], pd.Series(["x"])),
        (schema(dtype="int64"), [1, 2.0], pd.Series([1, 2])),
        (schema(dtype="int64"), [1, None], pd.Series([1.0, None])),
        (schema(dtype="int32"), [1, 2], pd.Series([1, 2], dtype="int32")),
        (schema(dtype="Int64"), [1, None], pd.Series([1, None], dtype="Int64")),
        (schema(dtype="float32"), [1, None], pd.Series([1, None], dtype="float32")),
        (schema(dtype="float64"), [1, 2], pd.Series([1.0, 2.0])),
        (schema(dtype="bool"), [True, False], pd.Series([True, False])),
        (schema(dtype="bool"), [True, None], pd.Series([True, float("nan")], dtype=object)),
        (schema(dtype="boolean"), [True, None], pd.Series([True, None], dtype="boolean")),
        (schema(dtype="string"), ["x", None], pd.Series(["x", None], dtype="string")),
        (schema(Kind.STRING, "object"), ["x", None], pd.Series(["x", float("nan")], dtype=object)),
        (schema(dtype="object"), [1, None, "x"], pd.Series([1, float("nan"), "x"], dtype=object)),
        (schema(dtype="object"), [1, None], pd.Series([1, float("nan")], dtype=object)),
        (schema(dtype="category"), ["x", None], pd.Series(["x", None], dtype="category")),
        (schema(dtype="no such type"), [1], pd.Series([1])),
        (schema(dtype="datetime64[ns]"), ["2024-01-31", None], moments("2024-01-31", None)),
        (
            schema(dtype="datetime64[ns, Europe/Rome]"),
            ["2024-01-30T23:00Z", "2024-01-31T00:00+01:00"],
            moments("2024-01-31", "2024-01-31", zone="Europe/Rome"),
        ),
        (schema(dtype="datetime64[us, UTC]"), ["2024-01-31T02:00+02:00"], moments("2024-01-31", zone="UTC", unit="us")),
        (schema(Kind.DATETIME), ["2024-01-31T02:00Z"], moments("2024-01-31T02:00", zone="UTC")),
        (schema(Kind.STRING, null_is_none=frozenset("a")), ["x", None], pd.Series(["x", None], dtype=object)),
    ],
)  # fmt: skip
def test_to_dataframe_column_has_the_models_type(found: Schema, values: Any, expected: Any) -> None:
    pd.testing.assert_series_equal(series(values, found), expected, check_names=False)


@pytest.mark.parametrize(
    "found", [schema(Kind.STRING), schema(Kind.NUMBER), schema(dtype="category", categories=CITIES)]
)
def test_to_dataframe_null_alone_has_the_type_that_it_has_beside_others(found: Schema) -> None:
    other = 2.5 if found.kinds == (Kind.NUMBER,) else "Rome"
    alone, beside = series([None], found), series([None, other], found)
    assert alone.dtype == beside.dtype
    assert alone.isna()[0]
    assert beside.isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("categories", "values", "codes"),
    [
        (CITIES, ["Rome", None, "Oslo"], [1, -1, 0]),
        ((1, 2, 3), [3, 1.0, None], [2, 0, -1]),
        ((False, True), [True, False], [1, 0]),
    ],
)
def test_to_dataframe_categories_have_the_models_codes(categories: Any, values: Any, codes: list[int]) -> None:
    found = series(values, schema(dtype="category", categories=categories))
    assert found.cat.codes.tolist() == codes
    assert tuple(found.cat.categories) == categories


def test_to_dataframe_categories_of_booleans_beside_integers_are_not_mixed_up() -> None:
    both = Schema(
        names=("a", "b"),
        form=InputForm.DATAFRAME,
        kinds=(Kind.ANY, Kind.ANY),
        dtypes=("category", "category"),
        categories=((False, True), (0, 1)),
    )
    found = to_dataframe([[True], [1]], both)
    assert [found[name].cat.codes.tolist() for name in ("a", "b")] == [[1], [1]]


@pytest.mark.parametrize(
    ("found", "values", "words"),
    [
        (one_of(*CITIES), ["Rome", "Bonn"], "data[1][0] is 'Bonn'; the model's categories are 'Oslo', 'Rome', or null"),
        (one_of(*CITIES), [["Rome"]], "data[0][0] is a list; the model's categories"),
        (one_of(1, 2), [True], "data[0][0] is a boolean; the model's categories are 1, 2"),
        (one_of(*range(99)), [99], "are 0, 1, 2, 3, 4, 5, …, or null"),
        (one_of("x" * 9999), ["y" * 9999], "data[0][0] is 'yyy"),
        (schema(dtype="float64"), [1, 2**53 + 1], "data[1][0] is 9007199254740993, an integer that a 64-bit float"),
        (schema(dtype="float32"), [2**53 + 1], "data[0][0] is 9007199254740993, an integer"),
        (schema(dtype="Float64"), [2**53 + 1], "data[0][0] is 9007199254740993, an integer"),
        (schema(dtype="float32"), [1.0, 1e39], "data[1][0] is too large for the model's float32"),
        (schema(dtype="object"), [[]], "data[0][0] is a list; a value is needed"),
        (schema(dtype="int8"), [1, 128], "data[1][0] is 128, which does not fit the model's int8"),
        (schema(dtype="Int8"), [1, 300], "data[0][0]: its column does not fit the type Int8 of the model"),
        (schema(Kind.DATETIME), [5], "data[0][0] is a number; a date in ISO 8601 is needed"),
        (schema(dtype="datetime64[ns]"), ["2024-01-31T02:00+02:00"], "the model's times have no zone"),
    ],
)  # fmt: skip
def test_to_dataframe_value_that_does_not_suit_is_named(found: Schema, values: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        series(values, found)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


def test_to_dataframe_without_pandas_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModelError, match=r"put pandas into requirements\.txt"):
        to_dataframe([[1]], schema())


def test_to_dataframe_model_that_names_its_columns_changes_no_later_frame() -> None:
    frame = to_dataframe([[1]], schema())
    frame.columns.name = "mine"
    assert to_dataframe([[1]], schema()).columns.name is None


@pytest.mark.parametrize("found", [schema(Kind.STRING), one_of(*CITIES), schema(dtype="Int64"), schema(dtype="string")])
def test_to_dataframe_two_requests_share_no_values(found: Schema) -> None:
    values = [1 if found.dtypes == ("Int64",) else "Rome"]
    frame = to_dataframe([values], found)
    frame.loc[0, "a"] = None
    assert to_dataframe([values], found).notna().all(axis=None)
