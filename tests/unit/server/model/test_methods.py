"""A method is direct and batched only where that changes no bit, and probing it takes a bounded time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from server.inference.model_call import call_batch
from server.model import probe_budget
from server.model.loader import load
from server.model.methods import ROW_STEPS, Method, methods_of
from server.model.probe_budget import ProbeBudget
from server.model.row_independence import same_bits
from server.model.trials import try_model
from server.schema import InputForm, Kind, Schema
from tests.unit.server.fitted_models import DIRECT, FEATURES, INDEPENDENT, OTHERS, THREE, X, fitted

RNG = np.random.default_rng(3)
PARTS = [RNG.normal(size=(size, FEATURES)) * X.std(0) + X.mean(0) for size in (1, 2, 1, 7, 1, 30, 1, 1)]


def methods(model: Any, budget: ProbeBudget | None = None, *, direct: bool = True) -> Mapping[str, Method]:
    budget = budget or ProbeBudget(600.0)  # a busy machine must not decide
    return methods_of(model, try_model(model, budget).schema, budget, direct=direct)


@pytest.mark.parametrize("name", [*DIRECT, *OTHERS])
def test_methods_of_a_fitted_model_answer_batches_with_the_bits_of_single_requests(name: str) -> None:
    for method, found in methods(fitted(name)).items():
        assert found.batchable == (name in INDEPENDENT), method
        if found.batchable:
            plain = getattr(fitted(name), method)
            for part, answer in zip(PARTS, call_batch(found.call, PARTS), strict=True):
                assert same_bits(answer, plain(part))


@pytest.mark.parametrize("name", DIRECT)
def test_methods_of_a_known_model_are_direct_unless_that_is_switched_off(name: str) -> None:
    assert methods(fitted(name))["predict"].direct
    assert not methods(fitted(name), direct=False)["predict"].direct


def test_methods_of_a_model_with_a_users_own_step_are_never_batched() -> None:
    centred = make_pipeline(FunctionTransformer(lambda X: X - X.mean(axis=0)), RandomForestClassifier(2))
    assert not methods(centred.fit(X, THREE))["predict"].batchable


class Greedy:
    """Changes its input."""

    n_features_in_ = 2

    def predict(self, X: Any) -> Any:
        X[:] = 0
        return X[:, 0]


class TakesAway:
    """Empties its rows."""

    def predict(self, rows: list[Any]) -> list[int]:
        return [(len(row), row.clear())[0] for row in rows]


class Counts:
    """Leaves its rows as they are."""

    @staticmethod
    def predict(rows: list[Any]) -> list[int]:
        return [len(row) for row in rows]


class GreedyWithoutWidth(Greedy):
    """Does not say how many features it takes, so it cannot be tried."""

    n_features_in_ = None  # type: ignore[assignment]


@pytest.mark.parametrize("model", [Greedy(), GreedyWithoutWidth()])
@pytest.mark.parametrize("seconds", [600.0, -1.0])
def test_methods_of_a_model_that_changes_its_input_get_copies(model: Any, seconds: float) -> None:
    given = np.ones((2, 2))
    methods(model, ProbeBudget(seconds))["predict"].call(given)
    assert given.all()


def test_methods_of_objects_that_change_their_input_get_copies() -> None:
    schema = Schema(2, form=InputForm.OBJECTS, kinds=(Kind.STRING, Kind.INTEGER), example_row=("x", 1))
    given = np.array([["x", 1]], dtype=object)
    methods_of(Greedy(), schema, ProbeBudget())["predict"].call(given)
    assert given.tolist() == [["x", 1]]


@pytest.mark.parametrize("rows", [[{"a": 1.0}], [["a", "b"]]])
def test_methods_of_rows_that_are_lists_get_copies_only_where_they_change_them(rows: list[Any]) -> None:
    form = InputForm.DICTS if isinstance(rows[0], dict) else InputForm.TOKENS
    schema = Schema(form=form, example_row=tuple(rows))
    for model in (TakesAway(), Counts()):
        given = [row.copy() for row in rows]
        assert methods_of(model, schema, ProbeBudget())["predict"].call(given) == [len(rows[0])]
        assert given == rows
    assert methods_of(Counts(), schema, ProbeBudget())["predict"].call == Counts.predict


def test_methods_of_a_known_model_that_is_not_exact_here_are_not_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"predict": lambda X: np.array(["low"] * len(X))}
    monkeypatch.setattr("server.model.methods._direct_methods", lambda _: (wrong, False))
    found = methods(fitted("logistic"))["predict"]
    assert found.direct is None
    assert found.call(X).tolist() == fitted("logistic").predict(X).tolist()


def test_methods_of_a_known_model_whose_rows_depend_on_others_are_not_batched(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dependent(Greedy):
        def predict(self, X: Any) -> Any:
            return X[:, 0] + len(X)

    monkeypatch.setattr("server.model.methods._direct_methods", lambda _: ({}, True))
    assert not methods(Dependent())["predict"].batchable


class Clock:
    """Time that passes only where a model says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Slow(BaseEstimator):  # type: ignore[misc]
    """Takes a fixed time for each row, and for each call."""

    asked = 0
    """Rows that all models of this type were asked for."""

    def __init__(self, row: float = 0.0, call: float = 0.0, clock: Clock | None = None) -> None:
        self.row, self.call, self.clock = row, call, clock
        self.n_features_in_ = 2

    def predict(self, X: Any) -> Any:
        Slow.asked += len(X)
        seconds = self.row * len(X) + self.call
        if self.clock:
            self.clock.now += seconds
        else:
            time.sleep(seconds)
        return np.asarray(X)[:, 0]

    def predict_proba(self, X: Any) -> Any:
        return self.predict(X)


@pytest.mark.parametrize(("row", "call"), [(1.0, 0.0), (0.1, 0.0), (0.0, 1.0), (0.0, 2.0), (0.02, 0.1), (0.001, 0.5)])
def test_methods_of_a_slow_model_are_probed_within_the_budget(row: float, call: float) -> None:
    clock = Clock()
    found = methods(Slow(row, call, clock), ProbeBudget(5.0, clock))
    assert 0 < clock.now <= 5.0
    for method in found.values():
        assert not method.batchable
        assert method.direct is None
        assert method.cost.seconds(1) > 0.01  # never on the event loop


def test_methods_of_a_model_slower_than_the_budget_are_called_once_in_all() -> None:
    clock, before = Clock(), Slow.asked
    assert set(methods(Slow(60.0, 0.0, clock), ProbeBudget(5.0, clock))) == {"predict", "predict_proba"}
    assert Slow.asked - before == 1


def test_methods_of_a_model_with_a_cold_first_call_are_probed_in_full() -> None:
    class Cold(RandomForestClassifier):  # type: ignore[misc]
        def predict(self, X: Any) -> Any:
            clock.now += 0 if hasattr(self, "warm") else 3.0
            self.warm = True
            return super().predict(X)

    clock = Clock()
    asked: list[int] = []
    model = Cold(2).fit(X, THREE)
    plain = model.predict
    model.predict = lambda X: (asked.append(len(X)), plain(X))[1]
    methods(model, ProbeBudget(10.0, clock))
    assert max(asked) == ROW_STEPS[-1]


def test_load_of_a_sleeping_model_asks_it_for_few_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_budget, "MAX_PROBE_SECONDS", 0.3)
    path = tmp_path / "model.joblib"
    joblib.dump(Slow(0.05), path)
    before = Slow.asked
    found = load(path).methods["predict"]
    assert Slow.asked - before <= 12
    assert found.cost.seconds(10) > 0.3
