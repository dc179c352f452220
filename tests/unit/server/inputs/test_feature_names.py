"""Names: the model's order, what it drops, and what it does not know."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

from server.errors import InputError
from server.inputs.as_sent import columns_as_sent, rows_as_sent
from server.inputs.feature_names import objects_in_order, positions
from server.inputs.json_rows import rows_to_input
from server.inputs.named_columns import columns_to_input, table_to_input
from server.inputs.wording import cell_of_row
from server.schema import InputForm, Kind, Schema

NAMED = Schema(names=("a", "b"))
DROPS = Schema(names=("a", "b", "note"), unused=frozenset({"note"}))
IGNORES = Schema(names=("a", "b"), ignores_extra_columns=True)


@pytest.mark.parametrize(
    ("names", "schema", "expected"),
    [
        (["b", "a"], NAMED, [1, 0]),
        (["x", "y"], Schema(2), [0, 1]),
        (["b", "a"], DROPS, [1, 0, None]),
        (["note", "b", "a"], DROPS, [2, 1, 0]),
        (["b", "trace", "a"], IGNORES, [2, 0]),
    ],
)
def test_positions_of_names_are_in_the_models_order(names: list[str], schema: Schema, expected: list[Any]) -> None:
    assert positions(names, schema, "the CSV") == expected


@pytest.mark.parametrize(
    ("names", "schema", "words"),
    [
        (["a"], NAMED, "the CSV lacks 'b'; the model takes a, b"),
        (["a"], DROPS, "the CSV lacks 'b'; the model takes a, b, note"),
        (["a", "b", "z"], NAMED, "has unknown 'z'; the model takes a, b (--extra-columns ignore leaves them out)"),
        (["a", "c"], NAMED, "the CSV has unknown 'c'; the model takes a, b"),
        (["a", "z"], IGNORES, "the CSV lacks 'b'"),
        (["a", "b", "a"], IGNORES, "the CSV repeats 'a'; the model takes a, b"),
        (["a"], Schema(2), "the CSV has 1 values; the model takes 2"),
    ],
)
def test_positions_of_names_that_do_not_suit_are_refused(names: list[str], schema: Schema, words: str) -> None:
    with pytest.raises(InputError) as caught:
        positions(names, schema, "the CSV")
    assert words in str(caught.value)


def test_objects_in_order_leave_out_what_is_ignored_and_have_none_for_what_is_dropped() -> None:
    assert objects_in_order([{"b": 2, "z": 9, "a": 1}], IGNORES, "data") == [[1, 2]]
    assert objects_in_order([{"b": 2, "a": 1}, {"a": 3, "note": 0, "b": 4}], DROPS, "data") == [[1, 2, None], [3, 4, 0]]


@pytest.mark.parametrize("form", [InputForm.MATRIX, InputForm.DATAFRAME, InputForm.OBJECTS])
def test_columns_that_the_model_drops_need_not_be_sent_in_any_form(form: InputForm) -> None:
    kinds = () if form is InputForm.MATRIX else (Kind.NUMBER, Kind.NUMBER, Kind.ANY)
    schema = Schema(names=DROPS.names, unused=DROPS.unused, form=form, kinds=kinds)
    inputs = (
        rows_to_input([{"b": 2, "a": 1}], schema, "data", no_strings=False),
        columns_to_input(["b", "a"], [[2], [1]], schema, "inputs"),
        table_to_input(["b", "a"], [[2, 1]], schema, "data", "columns"),
    )
    for X in inputs:
        np.testing.assert_array_equal(np.array(X, np.float64), [[1.0, 2.0, np.nan]])


def test_a_null_in_a_column_that_is_not_dropped_is_refused() -> None:
    with pytest.raises(InputError, match=r"data\[0\]\['a'\] is null or NaN"):
        rows_to_input([{"b": 2, "a": None}], DROPS, "data", no_strings=False)


def test_table_with_ignored_columns_is_read_by_name_and_its_faults_by_the_requests_columns() -> None:
    X = table_to_input(["z", "b", "a"], [["x", 2, 1]], IGNORES, "data", "columns")
    assert X.tolist() == [[1.0, 2.0]]
    with pytest.raises(InputError, match=r"data\[0\]\[2\] is a string"):
        table_to_input(["z", "b", "a"], [["x", 2, "1"]], IGNORES, "data", "columns")


class CountedName(str):
    """A name that counts how often it is hashed or compared."""

    __slots__ = ()
    operations: ClassVar[int] = 0

    def __hash__(self) -> int:
        CountedName.operations += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        CountedName.operations += 1
        return super().__eq__(other)


def counted(count: int, start: int = 0) -> list[Any]:
    return [CountedName(index) for index in range(start, start + count)]


READS: dict[str, Callable[[int], Any]] = {
    "the right names": lambda n: positions(counted(n)[::-1], Schema(names=tuple(counted(n))), "x"),
    "unknown names": lambda n: positions(counted(n, n), Schema(names=tuple(counted(n))), "x"),
    "one name n times": lambda n: positions([CountedName("a")] * n, Schema(names=tuple(counted(n))), "x"),
    "ignored names": lambda n: positions(
        counted(2 * n), Schema(names=tuple(counted(n)), ignores_extra_columns=True), "x"
    ),
    "dropped names": lambda n: objects_in_order(
        [{CountedName("a"): 1}], Schema(names=(CountedName("a"), *counted(n)), unused=frozenset(counted(n))), "x"
    ),
    "names as sent": lambda n: rows_as_sent(
        [dict.fromkeys(counted(n), 1), dict.fromkeys(counted(n + 1), 1)], Schema(), "x"
    ),
    "columns as sent": lambda n: columns_as_sent([*counted(n), CountedName(0)], [], Schema(), "x", cell_of_row("x")),
}


@pytest.mark.parametrize("name", READS)
def test_read_of_ten_times_as_many_names_takes_at_most_twelve_times_the_operations(name: str) -> None:
    spent = []
    for count in (100, 1000):
        CountedName.operations = 0
        with contextlib.suppress(InputError):
            READS[name](count)
        spent.append(CountedName.operations)
    assert spent[0] > 100
    assert spent[1] <= 12 * spent[0]
