"""Steps taken in parts give what one long step gives, and no part is longer than a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import short_steps
from server.short_steps import (
    Released,
    array_of,
    columns_of_rows,
    in_steps,
    list_of,
    mapped,
    objects_of,
    types_of,
)
from tests.examples import examples

FEW = 3


@pytest.fixture(autouse=True)
def few_at_a_time() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(short_steps, "STEP", FEW)
        yield


class Watched(list[Any]):
    """A list that only gives parts of itself, and remembers how long they were."""

    def __init__(self, values: Sequence[Any]) -> None:
        super().__init__(values)
        self.parts: list[int] = []

    def __getitem__(self, part: Any) -> Any:
        found = super().__getitem__(part)
        self.parts.append(len(found))
        return found

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("all of them in one step")


LONG_STEPS: dict[str, Callable[[list[Any]], Any]] = {
    "types_of": types_of,
    "mapped": lambda values: mapped(str, values),
    "array_of": array_of,
    "objects_of": objects_of,
}


@pytest.mark.parametrize("name", LONG_STEPS)
def test_a_long_step_is_taken_in_parts(name: str) -> None:
    values = Watched(range(8))
    LONG_STEPS[name](values)
    assert values.parts == [3, 3, 2]


@pytest.mark.parametrize(("width", "sizes"), [(1, [3, 3, 1]), (2, [1] * 7), (9, [1] * 7), (0, [3, 3, 1])])
def test_in_steps_counts_the_values_of_each_item(width: int, sizes: list[int]) -> None:
    assert [len(part) for part in in_steps(list(range(7)), width)] == sizes


@pytest.mark.parametrize("values", [[], [1], [1, 2, 3]])
def test_in_steps_of_few_values_copies_nothing(values: list[Any]) -> None:
    (part,) = in_steps(values)
    assert part is values


NUMBERS = st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        found = call()
    except (ValueError, TypeError, OverflowError) as error:
        return type(error)
    return found.dtype, found.shape, found.tolist()


@examples(300)
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(-1e300, 1e300)))
def test_array_of_numbers_is_the_array_that_numpy_makes(values: list[Any]) -> None:
    assert outcome(lambda: array_of(values)) == outcome(lambda: np.array(values))


@examples(300)
@given(st.lists(NUMBERS), st.sampled_from([np.float64, np.int64, np.uint64, np.bool_]))
def test_array_of_anything_in_a_given_type_is_the_array_that_numpy_makes(values: list[Any], dtype: Any) -> None:
    assert repr(outcome(lambda: array_of(values, dtype))) == repr(outcome(lambda: np.array(values, dtype)))


@pytest.mark.parametrize("rows", [[[1, 2]] * 5, [[1, 2], [3, 4.5]] * 3, [[1, 2]] * 5 + [[1]], [[1]] * 3 + [[1, 2]] * 3])
def test_array_of_rows_is_the_matrix_that_numpy_makes(rows: list[list[Any]]) -> None:
    assert outcome(lambda: array_of(rows, width=2)) == outcome(lambda: np.array(rows))


@pytest.mark.parametrize("values", [[], ["a", None, 1] * 3, [[1, 2]] * 7, [[1], [1, 2]] * 4, [{"a": 1}] * 4])
def test_objects_of_are_the_very_objects(values: list[Any]) -> None:
    found = objects_of(values)
    assert (found.dtype, found.shape) == (object, (len(values),))
    assert all(one is other for one, other in zip(found, values, strict=True))


@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (7, 2), (2, 7), (5, 1, 2), (0, 4)])
def test_list_of_an_array_is_its_tolist(shape: tuple[int, ...]) -> None:
    for dtype in (np.float64, np.int32, object, "U3"):
        values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
        assert list_of(values) == values.tolist()


def test_types_of_are_all_types() -> None:
    assert types_of([1] * 5 + [None, "a"]) == {int, type(None), str}
    assert types_of([]) == set()


def test_columns_of_rows_are_the_values_of_each_place() -> None:
    rows = [[index, str(index)] for index in range(7)]
    assert columns_of_rows(rows, 2) == [list(range(7)), list("0123456")]
    with pytest.raises(ValueError, match="zip"):
        columns_of_rows([*rows, [1]], 2)


class Item:
    """Remembers, when it is freed, how many others there still were."""

    def __init__(self, others: list[Any], left: list[int]) -> None:
        self._others, self._left = others, left

    def __del__(self) -> None:
        self._left.append(len(self._others))


@pytest.mark.parametrize("place", [lambda rows: {"data": rows}, lambda rows: {"inputs": [{"x": 1, "data": rows}]}])
def test_released_frees_a_long_list_a_step_at_a_time(place: Callable[[Any], Any]) -> None:
    rows: list[Any] = []
    left: list[int] = []
    rows.extend(Item(rows, left) for _ in range(8))
    with Released(place(rows)):
        assert not left
    assert left == [5] * 3 + [2] * 3 + [0] * 2


def test_released_keeps_what_an_input_may_consist_of() -> None:
    tokens, row = [["a"] * 5, ["b"] * 5], dict.fromkeys("abcdef", 1)
    with Released({"data": tokens}), Released({"data": [row]}):
        pass
    assert (tokens, row) == ([["a"] * 5, ["b"] * 5], dict.fromkeys("abcdef", 1))


def test_released_after_an_error_is_empty_too() -> None:
    rows: list[Any] = [[1]] * 8
    with pytest.raises(ZeroDivisionError), Released({"data": rows}):
        raise ZeroDivisionError
    assert not rows
