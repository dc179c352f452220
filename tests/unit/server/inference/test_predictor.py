"""Inference with real model files: answers, error texts, metrics, and the fast path on top."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import joblib
import numpy as np
import orjson
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from structlog.testing import capture_logs

from server.errors import InputError, ModelError, Overloaded
from server.http.fast_path import FastPath
from server.inference.batcher import Limits
from server.inference.placement import BLOCKED_LOOP_SECONDS, INLINE_UNBATCHED
from server.inference.predictor import Predictor, return_free_memory
from server.model.cost_model import Cost
from server.model.families.base import Unsuited
from server.model.loader import LoadedModel
from server.model.methods import Method
from server.protocols.json_answer import encode_predictions
from server.schema import Schema
from server.telemetry.metrics import Metrics
from tests.unit.server.fitted_models import THREE, X, fitted

HERE = {"model_name": "iris", "model_version": "v1"}
UNKNOWN = KNeighborsClassifier(3, algorithm="brute", p=3).fit(X, THREE)
"""No family has this distance."""


class Failing:
    """Declares nothing about its input; fails for the values 1 and 2, exits for 3."""

    def predict(self, X: Any) -> Any:
        if X[0][0] == 1:
            raise ValueError("not one\nand more")
        if X[0][0] == 2:
            raise ZeroDivisionError
        if X[0][0] == 3:
            raise SystemExit
        return X[:, 0]


class Shifting:
    """Changes its input in place."""

    n_features_in_ = 2

    def predict(self, X: Any) -> Any:
        X -= 1
        return X[:, 0]


class ShiftingUndeclared(Shifting):
    n_features_in_ = None


class ShiftingDataFrame(Shifting):
    feature_names_in_ = ("a", "b")

    def predict(self, X: Any) -> Any:
        X["a"] = X["a"] - 1
        return X["a"].to_numpy()


class Erratic:
    """Needs long for one large number, and refuses it."""

    n_features_in_ = 1
    threads: ClassVar[list[str]] = []

    def predict(self, X: Any) -> Any:
        if X[0, 0] == 1e6:
            self.threads.append(threading.current_thread().name)
            time.sleep(0.06)
            raise ValueError("too large")
        return X[:, 0]


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Any]:
    """Load a model and await `asked(predictor)`."""

    def run(model: Any, asked: Any, **options: Any) -> Any:
        path = tmp_path / "model.joblib"
        joblib.dump(model, path)

        async def loaded() -> Any:
            predictor = Predictor(path, **options)
            assert predictor.reason == "the model is loading"
            await predictor.load()
            assert predictor.reason == ""
            try:
                return await asked(predictor)
            finally:
                predictor.close()

        return asyncio.run(loaded())

    return run


@pytest.mark.parametrize("name", ["logistic", "forest", "scaled logistic", "support vectors", "histogram boosting"])
@pytest.mark.parametrize("direct", [True, False])
def test_predict_concurrent_requests_get_the_answers_of_the_model_itself(
    ask: Callable[..., Any], name: str, direct: bool
) -> None:
    model, parts = fitted(name), [X[start : start + 3] for start in range(0, 60, 3)]
    method = "predict_proba" if hasattr(model, "predict_proba") else "decision_function"

    async def both(predictor: Predictor) -> list[Any]:
        return await asyncio.gather(*(predictor.predict(part, each) for part in parts for each in ("predict", method)))

    answers = ask(model, both, direct=direct)
    for index, part in enumerate(parts):
        np.testing.assert_array_equal(answers[2 * index], model.predict(part), strict=True)
        np.testing.assert_array_equal(answers[2 * index + 1], getattr(model, method)(part), strict=True)


def test_predict_what_scikit_learn_refuses_is_refused_in_its_words(ask: Callable[..., Any]) -> None:
    for given, words in (
        (np.full((1, 5), np.nan), "contains NaN"),
        (X[:1, :3], "X has 3 features"),
        (X[:0], "0 sample"),
    ):
        with pytest.raises(InputError, match=words):
            ask(fitted("logistic"), lambda predictor, given=given: predictor.predict(given))


def test_predict_errors_are_classed_and_quote_the_first_line(ask: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=r"^the model refused the input: not one$"):
        ask(Failing(), lambda predictor: predictor.predict(np.array([[1.0]])))
    with pytest.raises(ModelError, match="ZeroDivisionError"):
        ask(Failing(), lambda predictor: predictor.predict(np.array([[2.0]])))
    with pytest.raises(InputError, match="the model has no transform"):
        ask(Failing(), lambda predictor: predictor.predict(np.array([[0.0]]), "transform"))


def test_predict_an_exit_of_the_model_is_a_model_error(ask: Callable[..., Any]) -> None:
    with pytest.raises(ModelError, match="RuntimeError"):
        ask(Failing(), lambda predictor: predictor.predict(np.array([[3.0]])))


def test_predict_a_pipeline_that_changes_its_input_changes_no_other_answer(ask: Callable[..., Any]) -> None:
    model = make_pipeline(StandardScaler(copy=False), GradientBoostingClassifier(n_estimators=3)).fit(X.copy(), THREE)
    metrics, given = Metrics("iris", "v1"), X[:3].copy()

    async def both(predictor: Predictor) -> Any:
        assert predictor.model
        metrics.configure(predictor.model, 1.5)
        return [await predictor.predict(given, name) for name in ("predict", "predict_proba")]

    labels, probabilities = ask(model, both, observer=metrics)
    assert given.tolist() == X[:3].tolist()
    assert labels.tolist() == model.predict(X[:3].copy()).tolist()
    assert probabilities.tolist() == model.predict_proba(X[:3].copy()).tolist()
    total = metrics.registry.get_sample_value("kubeserve_feature_sum", {**HERE, "feature": "0"})
    assert total == pytest.approx(X[:3, 0].sum())


@pytest.mark.parametrize("model", [Shifting(), ShiftingUndeclared()])
def test_predict_a_model_that_changes_its_input_accepts_read_only_rows(ask: Callable[..., Any], model: Any) -> None:
    given = np.array([[3.0, 1.0]])
    given.flags.writeable = False  # as the rows of a binary request are
    assert ask(model, lambda predictor: predictor.predict(given)).tolist() == [2.0]


def test_predict_a_model_that_changes_its_dataframe_changes_a_copy(ask: Callable[..., Any]) -> None:
    given = pd.DataFrame({"a": [3.0], "b": [1.0]})
    assert ask(ShiftingDataFrame(), lambda predictor: predictor.predict(given)).tolist() == [2.0]
    assert given["a"].tolist() == [3.0]


def test_predict_after_a_prediction_blocked_the_loop_uses_the_thread(ask: Callable[..., Any]) -> None:
    async def twice(predictor: Predictor) -> None:
        for _ in range(2):
            with pytest.raises(InputError, match="too large"):
                await predictor.predict(np.array([[1e6]]))

    ask(Erratic(), twice)
    assert Erratic.threads == [threading.main_thread().name, "predict_0"]


def test_predict_direct_answers_only_what_is_evaluated_directly_and_cheap(ask: Callable[..., Any]) -> None:
    async def direct(predictor: Predictor) -> Any:
        return predictor.predict_direct(X[:9])

    assert ask(fitted("ridge"), direct).tolist() == fitted("ridge").predict(X[:9]).tolist()
    assert ask(fitted("logistic"), direct).tolist() == fitted("logistic").predict(X[:9]).tolist()
    assert ask(UNKNOWN, direct) is None
    assert ask(fitted("logistic"), direct, direct=False) is None


@pytest.mark.parametrize("name", ["logistic", "support vectors"])
def test_predict_is_recorded_once_in_the_metrics(ask: Callable[..., Any], name: str) -> None:
    metrics = Metrics("iris", "v1")

    async def some(predictor: Predictor) -> None:
        assert predictor.model
        metrics.configure(predictor.model, 1.5)
        await asyncio.gather(*(predictor.predict(X[:2]) for _ in range(3)))
        await predictor.predict(X[:2], "decision_function")

    ask(fitted(name), some, observer=metrics)
    read = metrics.registry.get_sample_value
    assert read("kubeserve_predictions_total", HERE) == 8
    labels = {
        label: read("kubeserve_predicted_labels_total", {**HERE, "label": label})
        for label in set(fitted(name).predict(X[:2]))
    }
    assert sum(value for value in labels.values() if value) == 6
    assert read("kubeserve_feature_values_total", {**HERE, "feature": "0"}) == 6
    assert read("kubeserve_model_load_seconds", HERE) == 1.5


@pytest.mark.parametrize("name", ["logistic", "logistic of two", "forest", "ridge", "least squares of two"])
def test_fast_path_writes_what_the_sanic_path_writes_and_is_recorded(ask: Callable[..., Any], name: str) -> None:
    metrics, given = Metrics("iris", "v1"), X[:3]

    async def answered(predictor: Predictor) -> Any:
        assert predictor.model
        metrics.configure(predictor.model, 1.5)
        predictor.max_direct_rows = max(predictor.max_direct_rows, len(given))  # a busy machine must not decide
        return FastPath(predictor, metrics, "iris").answer(b"/predict", orjson.dumps({"data": given.tolist()}), 0.0)

    body = ask(fitted(name), answered, observer=metrics)
    expected = fitted(name).predict(given)
    assert body == encode_predictions(expected)
    read = metrics.registry.get_sample_value
    assert read("kubeserve_predictions_total", HERE) == 3
    assert read("kubeserve_requests_total", {**HERE, "endpoint": "/predict", "code": "200"}) == 1
    for label in set(expected.tolist()) if expected.dtype.kind == "U" else ():
        counted = read("kubeserve_predicted_labels_total", {**HERE, "label": label})
        assert counted == expected.tolist().count(label)


def test_fast_path_a_failure_is_logged_once_and_left_to_sanic(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.http.fast_path.matrix", lambda *_: {}["odd"])

    async def twice(predictor: Predictor) -> Any:
        fast_path = FastPath(predictor, Metrics("iris", "v1"), "iris")
        return [fast_path.answer(b"/predict", b'{"data": [[1,2,3,4,5]]}', 0.0) for _ in range(2)]

    with capture_logs() as logged:
        assert ask(fitted("ridge"), twice) == [None, None]
    told = [line for line in logged if line["event"] == "the fast path failed; requests take the regular path"]
    assert told == [
        {
            "event": "the fast path failed; requests take the regular path",
            "reason": "KeyError: 'odd'",
            "log_level": "warning",
        }
    ]


MANY_ROWS = 1_000_000
"""Too many for the fast path, even where the measured cost of a row was indistinguishable from zero."""


@pytest.mark.parametrize(("estimator", "rows"), [(UNKNOWN, 1), (fitted("ridge"), MANY_ROWS)])
def test_fast_path_does_not_parse_what_it_cannot_answer(
    ask: Callable[..., Any], estimator: Any, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    monkeypatch.setattr("server.http.fast_path.matrix", lambda body, *_: parsed.append(len(body)))

    async def answered(predictor: Predictor) -> Any:
        predictor.max_direct_rows = min(predictor.max_direct_rows, MANY_ROWS // 100)
        body = b'{"data": [' + b"[1,2,3,4,5]," * rows
        return FastPath(predictor, Metrics("iris", "v1"), "iris").answer(b"/predict", body, 0.0)

    assert ask(estimator, answered) is None
    assert parsed == []


def served(method: Method, limits: Limits | None = None) -> Predictor:
    predictor = Predictor(Path("model.joblib"), limits)
    predictor._serve(LoadedModel({"predict": method}, Schema(1), "", "", ""))
    return predictor


def test_fast_path_after_a_prediction_blocked_the_loop_leaves_the_next_to_the_queue() -> None:
    calls: list[int] = []

    def slow(rows: Any) -> Any:
        calls.append(len(rows))
        time.sleep(BLOCKED_LOOP_SECONDS + 0.01)
        return rows.sum(axis=1)

    predictor = served(Method(slow, Cost(1e-6, 1e-6), direct=slow))
    fast_path = FastPath(predictor, Metrics("model", ""), "model")
    answers = [fast_path.answer(b"/predict", b'{"data": [[1.0]]}', 0.0) for _ in range(2)]
    predictor.close()
    assert (answers, calls) == ([b'{"predictions":[1.0]}', None], [1])


def test_record_duration_moves_the_cost_estimate() -> None:
    cost = Cost(1e-6, 1e-6)
    predictor = served(Method(len, cost, direct=len))
    for _ in range(100):
        predictor.record_duration(1, 1e-3)
    predictor.close()
    assert cost.seconds(1) > 0.9e-3


def test_update_direct_limit_follows_the_cost_estimate() -> None:
    predictor = served(Method(len, Cost(10e-6, 1e-6), direct=len))
    before = predictor.max_direct_rows
    for _ in range(100):
        predictor.record_duration(100, 1.1e-3)
    predictor.update_direct_limit()
    predictor.close()
    assert before == int((INLINE_UNBATCHED - 10e-6) / 1e-6)
    assert predictor.max_direct_rows < before / 9


def test_predict_direct_leaves_what_is_too_much_or_unsuited_to_the_queue() -> None:
    def direct(rows: Any) -> Any:
        if rows[0, 0] < 0:
            raise Unsuited
        return rows[:, 0]

    predictor = served(Method(direct, Cost(1e-6, 1e-6), direct=direct))
    most = predictor.max_direct_rows
    outcomes = [
        predictor.predict_direct(rows) for rows in (np.ones((most, 1)), np.ones((most + 1, 1)), -np.ones((1, 1)))
    ]
    predictor.close()
    assert outcomes[0] is not None
    assert outcomes[1:] == [None, None]


def test_predict_inline_moves_the_cost_estimate() -> None:
    cost = Cost(1e-5, 1e-7)
    predictor = served(Method(lambda rows: time.sleep(0.002) or rows[:, 0], cost))
    asyncio.run(predictor.predict(np.ones((1, 1))))
    predictor.close()
    assert cost.seconds(1) > 1.2e-5


def test_predict_beyond_the_queue_is_overloaded_and_queued_rows_counts_it() -> None:
    predictor = Predictor(Path("model.joblib"), Limits(queue_rows=1))
    assert predictor.queued_rows == 0
    predictor._serve(
        LoadedModel({"predict": Method(lambda rows: rows[:, 0], Cost(0.001, 1e-9))}, Schema(1), "", "", "")
    )

    async def one_queued_one_rejected() -> int:
        first = asyncio.create_task(predictor.predict(np.ones((1, 1))))
        await asyncio.sleep(0)
        queued = predictor.queued_rows
        with pytest.raises(Overloaded):
            await predictor.predict(np.ones((1, 1)))
        await first
        return queued

    assert asyncio.run(one_queued_one_rejected()) == 1
    assert predictor.queued_rows == 0
    predictor.close()


def test_close_cancels_what_has_not_begun() -> None:
    predictor, released = Predictor(Path("model.joblib")), threading.Event()
    running = predictor._thread.submit(released.wait, 120)
    waiting = predictor._thread.submit(print)
    predictor.close()
    released.set()
    assert running.result()
    assert waiting.cancelled()


def test_load_is_timed_and_keeps_the_collector_from_what_was_loaded(ask: Callable[..., Any]) -> None:
    gc.disable()
    gc.unfreeze()

    async def loaded(predictor: Predictor) -> float:
        return predictor.load_seconds

    assert 0 < ask(fitted("ridge"), loaded) < 120
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_return_free_memory_with_another_c_library_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    return_free_memory()
