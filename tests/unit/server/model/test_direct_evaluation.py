"""Direct evaluation gives scikit-learn's answers to the last bit, for every float there is, or leaves them to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.linear_model import LinearRegression

from server.model.direct_evaluation import direct_or_plain, matches_plain, suits
from server.model.families.registry import part_of
from server.model.row_independence import same_bits
from tests.examples import examples
from tests.unit.server.fitted_models import DIRECT, FEATURES, X, fitted

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # overflow: scikit-learn's own arithmetic warns too

anything = st.floats(width=64)  # NaN, infinities, denormals, and all between
usual = st.floats(-1e3, 1e3)
rows = st.integers(1, 9).flatmap(
    lambda count: arrays.arrays(np.float64, (count, FEATURES), elements=st.one_of(anything, usual, usual, usual))
)


def outcome(call: Any, given: Any) -> Any:
    """Return the answer, or the text of the refusal."""
    try:
        return call(given)
    except ValueError as error:
        return str(error)


def assert_equal_outcomes(model: Any, given: np.ndarray[Any, Any]) -> None:
    for name, direct in part_of(model).direct.items():
        plain = getattr(model, name)
        expected, found = outcome(plain, given), outcome(direct_or_plain(direct, plain, FEATURES), given)
        assert expected == found if isinstance(expected, str) else same_bits(expected, found), name


@pytest.mark.parametrize("name", DIRECT)
@given(rows=rows)
@examples(15)
def test_direct_or_plain_of_any_floats_gives_the_answer_or_refusal_of_scikit_learn(name: str, rows: Any) -> None:
    assert_equal_outcomes(fitted(name), rows)


LARGEST, LEAST = np.finfo(np.float64).max, 5e-324
EDGES = (0.0, -0.0, LARGEST, -LARGEST, LEAST, np.finfo(np.float32).max, 1e39, 1e154, np.nan, np.inf, -np.inf)


@pytest.mark.parametrize("name", DIRECT)
@pytest.mark.parametrize("value", EDGES)
def test_direct_or_plain_at_the_edges_of_floats_gives_the_answer_of_scikit_learn(name: str, value: float) -> None:
    for edge in (np.full((1, FEATURES), value), np.where(np.eye(FEATURES, dtype=bool), value, 0.5)):
        assert_equal_outcomes(fitted(name), edge)


def test_matches_plain_is_false_where_the_last_bit_differs() -> None:
    model = LinearRegression().fit(X, X[:, 0])
    assert matches_plain(part_of(model).direct["predict"], model.predict, X)
    assert not matches_plain(lambda X: np.nextafter(model.predict(X), np.inf), model.predict, X)


def test_matches_plain_is_false_where_only_a_row_alone_differs() -> None:
    model = LinearRegression().fit(X, X[:, 0])
    wrong_alone = lambda X: model.predict(X) + (len(X) == 1)  # noqa: E731 - a model that errs for one row
    assert not matches_plain(wrong_alone, model.predict, X)


def test_matches_plain_is_false_where_direct_evaluation_raises() -> None:
    assert not matches_plain(lambda X: X.no_such_attribute, len, X)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.ones((2, FEATURES)), True),
        (np.ones((0, FEATURES)), False),
        (np.ones((2, FEATURES), order="F"), False),
        (np.ones((2, FEATURES + 1)), False),
        (np.ones((2, FEATURES), np.float32), False),
        (np.ones(FEATURES), False),
        (np.full((2, FEATURES), np.inf), False),
        ([[1.0] * FEATURES], False),
    ],
)
def test_suits_takes_only_finite_float64_rows_in_c_order(given: Any, expected: bool) -> None:
    assert suits(given, FEATURES) is expected
