"""A table of named columns gives scikit-learn what a DataFrame of the same columns would."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import check_array

from server.inputs.named_table import NamedTable

COLUMNS = {
    "float": np.array([1.5, np.nan, -0.0]),
    "float32": np.array([1.5, np.nan, -0.0], np.float32),
    "integer": np.array([1, 2**60 + 1, 3]),
    "boolean": np.array([True, False, True]),
    "text": np.array(["a", np.nan, "c"], dtype=object),
    "number as object": np.array([1, 2.5, True], dtype=object),
    "time": np.array(["2020-01-01", "NaT", "2021-01-01"], "M8[ns]"),
}
COMBINATIONS = [*permutations(COLUMNS, 2), *combinations(COLUMNS, 1), *combinations(COLUMNS, 3)]


def both(names: tuple[str, ...], rows: slice = slice(None)) -> tuple[Any, NamedTable]:
    """Return a DataFrame of these columns, and the table of the same."""
    columns = [COLUMNS[name][rows] for name in names]
    frame = pd.DataFrame({name: pd.Series(column, dtype=column.dtype) for name, column in zip(names, columns)})  # noqa: B905 - of one length
    return frame, NamedTable(names, columns)


def outcome(call: Any) -> Any:
    """Return dtype, shape, memory order and values with their types, or the refusal."""
    try:
        found = call()
    except (TypeError, ValueError) as error:
        return type(error).__name__, str(error).split("\n", maxsplit=1)[0]
    values = [(type(value), repr(value)) for value in found.ravel()]
    return found.dtype, found.shape, found.flags.c_contiguous, found.flags.f_contiguous, values


@pytest.mark.parametrize("dtype", ["numeric", None, np.float64])
@pytest.mark.parametrize("rows", [slice(None), slice(0, 1)])
def test_matrix_of_any_columns_is_what_check_array_makes_of_the_data_frame(dtype: Any, rows: slice) -> None:
    for names in COMBINATIONS:
        kinds = {COLUMNS[name].dtype.kind for name in names}
        if {"M", "O"} <= kinds:
            continue  # see below
        frame, table = both(names, rows)
        checked = {"dtype": dtype, "ensure_all_finite": False}
        expected = outcome(lambda: check_array(frame, **checked))  # noqa: B023 - called here
        assert outcome(lambda: check_array(table.matrix(), **checked)) == expected, names  # noqa: B023 - called here


@pytest.mark.parametrize("rows", [slice(None), slice(0, 1)])
def test_to_numpy_of_any_columns_is_what_numpy_makes_of_the_data_frame(rows: slice) -> None:
    for names in COMBINATIONS:
        if "time" not in names:
            frame, table = both(names, rows)
            assert outcome(table.to_numpy) == outcome(frame.to_numpy), names


def test_matrix_of_dates_next_to_objects_is_refused() -> None:
    frame, table = both(("number as object", "time"))
    assert outcome(table.matrix) == outcome(lambda: check_array(frame))


def test_length_of_a_table_is_its_number_of_rows() -> None:
    _, table = both(("float", "integer"))
    assert (len(table), table.shape) == (3, (3, 2))
    assert len(NamedTable((), [])) == 0
