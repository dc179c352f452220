"""A model is batched only if no row's answer depends on the rows beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from server.inference.model_call import call_batch
from server.model import row_independence
from server.model.loader import schema_of
from server.model.methods import Method, methods_of
from tests.unit.server.fitted_models import DIRECT, FEATURES, OTHERS, THREE, X, fitted

BATCHED = {
    *("tree", "tree regressor", "extra tree", "forest", "forest of two", "forest of one", "forest regressor"),
    *("extra trees", "extra trees regressor", "scaled forest", "boosting", "histogram boosting"),
    *("histogram boosting regressor", "support vectors", "support vector regressor", "forest of two numbers"),
    *("gaussian", "neighbours in a tree", "adaptive boosting", "adaptive boosting regressor", "bag", "vote"),
}
RNG = np.random.default_rng(3)


def methods(model: Any) -> Mapping[str, Method]:
    schema = schema_of(model)
    return methods_of(model, {name: getattr(model, name) for name in schema.methods}, schema)


@pytest.mark.parametrize("name", [*DIRECT, *OTHERS])
def test_batched_answers_are_the_unbatched_ones_bit_by_bit(name: str) -> None:
    parts = [RNG.normal(size=(size, FEATURES)) * X.std(0) + X.mean(0) for size in (1, 2, 1, 7, 1, 30, 1, 1)]
    for method, how in methods(fitted(name)).items():
        assert how.batchable == (name in BATCHED), method
        if how.batchable:
            plain = getattr(fitted(name), method)
            for part, answer in zip(parts, call_batch(how.call, parts), strict=True):
                assert row_independence.same_bits(answer, plain(part))


def test_what_a_user_wrote_is_never_batched() -> None:
    centred = make_pipeline(FunctionTransformer(lambda X: X - X.mean(axis=0)), RandomForestClassifier(2))
    assert not methods(centred.fit(X, THREE))["predict"].batchable


def test_a_family_that_is_known_but_not_exact_here_is_not_batched() -> None:
    together = lambda X: X[:, 0] + 1e-16 * len(X)  # noqa: E731 - depends on the others in the last bit
    assert not row_independence.is_exact(together, np.full((16, 2), 0.1))
    assert row_independence.is_exact(lambda X: X[:, 0], X)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (np.array([0.0]), np.array([-0.0]), False),
        (np.array([np.nan]), np.array([np.nan]), True),
        (np.array([1.0]), np.array([np.nextafter(1, 2)]), False),
        (np.array([1]), np.array([1.0]), False),
        (np.array(["a"]), np.array(["a"]), True),
        (np.array([1, 1]), np.array([[1, 1]]), False),
        ([1.0], np.array([1.0]), False),
    ],
)
def test_the_same_is_the_same_to_the_last_bit(one: Any, other: Any, same: bool) -> None:
    assert row_independence.same_bits(one, other) is same
