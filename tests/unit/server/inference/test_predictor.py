"""The whole engine with a model file: answers, errors in words, and what the metrics hear."""

from __future__ import annotations

import asyncio
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
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from structlog.testing import capture_logs

from server.errors import InputError, ModelError
from server.http.fast_path import FastPath
from server.inference.predictor import Predictor
from server.protocols.json_payload import encode
from server.telemetry.metrics import Metrics
from tests.unit.server.fitted_models import THREE, X, fitted

HERE = {"model_name": "iris", "model_version": "v1"}


class Touchy:
    """Says nothing of its input; fails where it is told to."""

    def predict(self, X: Any) -> Any:
        if X[0][0] == 1:
            raise ValueError("not one\nand more")
        if X[0][0] == 2:
            raise ZeroDivisionError
        return X[:, 0]


class Shifting:
    """Changes its input, as a careless model does."""

    n_features_in_ = 2

    def predict(self, X: Any) -> Any:
        X -= 1
        return X[:, 0]


class Untold(Shifting):
    n_features_in_ = None


class Framed(Shifting):
    feature_names_in_ = ("a", "b")

    def predict(self, X: Any) -> Any:
        X["a"] = X["a"] - 1
        return X["a"].to_numpy()


class Erratic:
    """Takes long for a large number, which it then refuses."""

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
def test_many_at_once_get_the_answers_of_the_model_itself(ask: Callable[..., Any], name: str, direct: bool) -> None:
    model, parts = fitted(name), [X[start : start + 3] for start in range(0, 60, 3)]
    method = "predict_proba" if hasattr(model, "predict_proba") else "decision_function"

    async def both(predictor: Predictor) -> list[Any]:
        return await asyncio.gather(*(predictor.predict(part, each) for part in parts for each in ("predict", method)))

    answers = ask(model, both, direct=direct)
    for index, part in enumerate(parts):
        np.testing.assert_array_equal(answers[2 * index], model.predict(part), strict=True)
        np.testing.assert_array_equal(answers[2 * index + 1], getattr(model, method)(part), strict=True)


def test_what_scikit_learn_refuses_is_refused_in_its_words(ask: Callable[..., Any]) -> None:
    for given, words in (
        (np.full((1, 5), np.nan), "contains NaN"),
        (X[:1, :3], "X has 3 features"),
        (X[:0], "0 sample"),
    ):
        with pytest.raises(InputError, match=words):
            ask(fitted("logistic"), lambda predictor, given=given: predictor.predict(given))


def test_errors_are_classed_and_their_first_line_is_told(ask: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=r"^the model refused the input: not one$"):
        ask(Touchy(), lambda predictor: predictor.predict(np.array([[1.0]])))
    with pytest.raises(ModelError, match="ZeroDivisionError"):
        ask(Touchy(), lambda predictor: predictor.predict(np.array([[2.0]])))
    with pytest.raises(InputError, match="the model has no transform"):
        ask(Touchy(), lambda predictor: predictor.predict(np.array([[0.0]]), "transform"))


def test_a_pipeline_that_changes_its_input_changes_no_other_answer(ask: Callable[..., Any]) -> None:
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
    mean = metrics.registry.get_sample_value("kubeserve_feature_mean", {**HERE, "feature": "0"})
    assert mean == pytest.approx(X[:3, 0].mean())


@pytest.mark.parametrize("model", [Shifting(), Untold()])
def test_a_model_that_changes_its_input_may_be_given_what_cannot_be_changed(
    ask: Callable[..., Any], model: Any
) -> None:
    given = np.array([[3.0, 1.0]])
    given.flags.writeable = False  # as the rows of a binary request are
    assert ask(model, lambda predictor: predictor.predict(given)).tolist() == [2.0]


def test_a_model_that_changes_its_frame_changes_a_copy(ask: Callable[..., Any]) -> None:
    given = pd.DataFrame({"a": [3.0], "b": [1.0]})
    assert ask(Framed(), lambda predictor: predictor.predict(given)).tolist() == [2.0]
    assert given["a"].tolist() == [3.0]


def test_a_prediction_that_held_the_event_loop_does_so_once(ask: Callable[..., Any]) -> None:
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
    assert ask(fitted("support vectors"), direct) is None
    assert ask(fitted("logistic"), direct, direct=False) is None


@pytest.mark.parametrize("name", ["logistic", "support vectors"])
def test_the_metrics_hear_of_each_prediction_once(ask: Callable[..., Any], name: str) -> None:
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
def test_the_hot_path_writes_what_the_ordinary_way_writes_and_is_counted(ask: Callable[..., Any], name: str) -> None:
    metrics, given = Metrics("iris", "v1"), X[:3]

    async def hot(predictor: Predictor) -> Any:
        assert predictor.model
        metrics.configure(predictor.model, 1.5)
        return FastPath(predictor, metrics, "iris").answer(b"/predict", orjson.dumps({"data": given.tolist()}), 0.0)

    body = ask(fitted(name), hot, observer=metrics)
    expected = fitted(name).predict(given)
    assert body == encode(expected)
    read = metrics.registry.get_sample_value
    assert read("kubeserve_predictions_total", HERE) == 3
    assert read("kubeserve_requests_total", {**HERE, "endpoint": "/predict", "code": "200"}) == 1
    for label in set(expected.tolist()) if expected.dtype.kind == "U" else ():
        counted = read("kubeserve_predicted_labels_total", {**HERE, "label": label})
        assert counted == expected.tolist().count(label)


def test_what_fails_on_the_hot_path_is_told_once_and_left(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.http.fast_path.matrix", lambda *_: {}["odd"])

    async def twice(predictor: Predictor) -> Any:
        hot = FastPath(predictor, Metrics("iris", "v1"), "iris")
        return [hot.answer(b"/predict", b'{"data": [[1,2,3,4,5]]}', 0.0) for _ in range(2)]

    with capture_logs() as logged:
        assert ask(fitted("ridge"), twice) == [None, None]
    told = [line for line in logged if line["event"] == "requests take the ordinary way"]
    assert told == [{"event": "requests take the ordinary way", "reason": "KeyError: 'odd'", "log_level": "warning"}]


MANY_ROWS = 1_000_000
"""Too many for the hot path even where the cost of a row could not be told from nothing when it was measured."""


@pytest.mark.parametrize(("name", "rows"), [("histogram boosting", 1), ("ridge", MANY_ROWS)])
def test_what_the_hot_path_cannot_answer_it_does_not_parse(
    ask: Callable[..., Any], name: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    monkeypatch.setattr("server.http.fast_path.matrix", lambda body, *_: parsed.append(len(body)))

    async def hot(predictor: Predictor) -> Any:
        predictor.max_direct_rows = min(predictor.max_direct_rows, MANY_ROWS // 100)
        body = b'{"data": [' + b"[1,2,3,4,5]," * rows
        return FastPath(predictor, Metrics("iris", "v1"), "iris").answer(b"/predict", body, 0.0)

    assert ask(fitted(name), hot) is None
    assert parsed == []
