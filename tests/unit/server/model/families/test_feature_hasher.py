"""FeatureHasher as data gives the answers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from server.model.families.registry import part_of
from tests.unit.server.model.families.equality import assert_equal_to, assert_unknown_with_each

DICTS: list[list[dict[str, Any]]] = [
    [{"city": "Rome", "warm": 12.5, "flag": True}, {"warm": -3, "off": False, "zero": 0.0}],
    [{}],
    [{"a": float("nan"), "b": 1e300, "c": -0.0, "ä": "ß"}, {}],
    [{"a": 10**400}],
    [{"\ud800": 1}],
    [],
]
TEXTS: list[list[list[str]]] = [[["a", "b", "a"], []], [["one"]], [["ä" * 50, "", "a"]], [["\ud800"]]]


@pytest.mark.parametrize("width", [1, 4, 1 << 20])
@pytest.mark.parametrize("signed", [False, True])
def test_part_of_a_hasher_gives_the_answers_of_scikit_learn(width: int, *, signed: bool) -> None:
    dense = [each for each in (DICTS if width < 100 else []) if each]
    assert_equal_to(FeatureHasher(width, alternate_sign=signed).fit([]), [*dense, []])
    if width < 100:
        assert_equal_to(FeatureHasher(width, alternate_sign=signed, input_type="string").fit([]), TEXTS)


@pytest.mark.parametrize("width", [1, 3, 16, 50])
def test_transform_adds_many_values_of_one_column_in_the_order_of_scipy(width: int) -> None:
    rng = np.random.default_rng(width)
    hasher = FeatureHasher(width).fit([])
    part = part_of(hasher)
    for size in (5, 16, 17, 40, 300):
        rows = [{f"name {at}": value for at, value in enumerate(rng.normal(size=size).tolist())} for _ in range(20)]
        for given in (rows, rows[:1]):
            expected, found = hasher.transform(given), part.methods["transform"](given)
            assert found.data.tobytes() == expected.data.tobytes()
            assert found.columns.tolist() == expected.indices.tolist()
            assert found.starts.tolist() == expected.indptr.tolist()


def test_pipeline_of_a_hasher_gives_the_answers_of_scikit_learn() -> None:
    model = make_pipeline(FeatureHasher(64, input_type="string"), LogisticRegression())
    model.fit([["a", "b"], ["c"], ["a"]], [0, 1, 0])
    assert_equal_to(model, TEXTS[:2])


def test_part_of_a_hasher_with_another_state_is_unknown() -> None:
    assert_unknown_with_each(
        FeatureHasher(4).fit([]), dtype=lambda _: np.float32, input_type="pair", n_features=0, alternate_sign=None
    )
