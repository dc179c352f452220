"""Every entry of the registry exists in the installed scikit-learn, and is exact over many rows."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from server.model.direct.registry import KNOWN, direct_methods, is_row_independent, name_of
from server.model.row_independence import batches_match_single_rows, same_bits
from tests.unit.server.fitted_models import DIRECT, FEATURES, INDEPENDENT, OTHERS, THREE, X, fitted, types_in

MANY = np.random.default_rng(1).normal(size=(2000, FEATURES)) * X.std(0) + X.mean(0)


@pytest.mark.parametrize("name", KNOWN)
def test_known_name_resolves_to_a_type_of_the_installed_scikit_learn(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    kind: Any = getattr(importlib.import_module(module), attribute)
    assert f"{kind.__module__}.{kind.__qualname__}" == name


def test_known_names_are_each_in_a_fitted_test_model() -> None:
    fitted_types = set().union(*(types_in(fitted(name)) for name in [*DIRECT, *OTHERS]))
    assert set(KNOWN) - fitted_types == set()


@pytest.mark.parametrize("name", DIRECT)
def test_direct_methods_over_many_rows_give_the_bits_of_scikit_learn(name: str) -> None:
    model, methods = fitted(name), direct_methods(fitted(name))
    assert "predict" in methods
    for method, call in methods.items():
        for part in (MANY, *(MANY[index : index + 1] for index in range(25))):
            assert same_bits(call(part), getattr(model, method)(part)), method


@pytest.mark.parametrize("name", OTHERS)
def test_direct_methods_of_other_families_are_none(name: str) -> None:
    assert name == "forest of two numbers" or not direct_methods(fitted(name))


@pytest.mark.parametrize("name", [*DIRECT, *OTHERS])
def test_is_row_independent_is_true_only_where_rows_together_give_the_bits_of_single_rows(name: str) -> None:
    model = fitted(name)
    assert is_row_independent(model) == (name in INDEPENDENT)
    if name in INDEPENDENT:
        for method in ("predict", "predict_proba", "decision_function"):
            if hasattr(model, method):
                assert batches_match_single_rows(getattr(model, method), MANY[:40]), method


def test_direct_methods_of_a_subclass_are_none() -> None:
    class Odd(LogisticRegression):  # type: ignore[misc]
        def predict(self, X: Any) -> Any:
            return np.array(["odd"] * len(X))

    assert direct_methods(Odd(max_iter=1000).fit(X[:, :2], THREE)) == {}


def test_direct_methods_of_several_outputs_are_none() -> None:
    assert direct_methods(RandomForestClassifier(2).fit(X, np.c_[THREE, THREE])) == {}


def test_name_of_is_the_full_name_of_the_exact_type() -> None:
    assert name_of(LogisticRegression()) == "sklearn.linear_model._logistic.LogisticRegression"
