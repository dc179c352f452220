"""One call for several requests, and what the model's own code may raise."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from server.inference.model_call import call_batch, call_one, is_refusal


def row(value: float) -> np.ndarray[Any, Any]:
    return np.array([[value]])


@pytest.mark.parametrize("result", [np.array([7.0]), np.array([1.0, 2.0, 3.0]), [1.0, 2.0], None])
def test_call_batch_with_a_result_that_cannot_be_split_calls_each_part_alone(result: Any) -> None:
    sizes: list[int] = []

    def call(X: Any) -> Any:
        sizes.append(len(X))
        return result if len(X) > 1 else X[:, 0]

    assert [answer.tolist() for answer in call_batch(call, [row(1), row(2)])] == [[1], [2]]
    assert sizes == [2, 1, 1]


def test_call_batch_with_one_bad_part_fails_that_part_only() -> None:
    def call(X: Any) -> Any:
        if (X < 0).any():
            raise ValueError("negative")
        return X[:, 0]

    good, bad, other = call_batch(call, [row(1), row(-1), row(3)])
    assert (good.tolist(), str(bad), other.tolist()) == ([1], "negative", [3])


@pytest.mark.parametrize("raised", [StopIteration, SystemExit, GeneratorExit, asyncio.CancelledError])
@pytest.mark.parametrize("parts", [[row(1)], [row(1), row(2)]])
def test_call_batch_turns_what_a_future_cannot_hold_into_an_ordinary_error(
    raised: type[BaseException], parts: list[Any]
) -> None:
    def call(X: Any) -> Any:
        raise raised

    assert [repr(outcome) for outcome in call_batch(call, parts)] == [f"RuntimeError('{raised.__name__}')"] * len(parts)


def test_call_one_lets_ctrl_c_through() -> None:
    def call(X: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_one(call, row(1))


def test_is_refusal_is_a_value_error_or_a_library_s_own_error_and_what_is_derived_from_them() -> None:
    own = type("CatBoostError", (Exception,), {})
    assert all(map(is_refusal, [ValueError(), UnicodeError(), own(), type("Derived", (own,), {})()]))
    assert not any(map(is_refusal, [TypeError(), KeyError(), MemoryError(), type("OwnError", (Exception,), {})()]))
