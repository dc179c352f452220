"""Two versions of a small model, which answer the same input differently."""

from __future__ import annotations

import io

import joblib
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

MODEL = "demo/iris"
INSTANCE = [5.1, 3.5, 1.4, 0.2]


def first() -> bytes:
    """Return a regression that predicts setosa for INSTANCE."""
    return _fit(LogisticRegression(max_iter=1000))


def second() -> bytes:
    """Return a model that always predicts virginica, so that the change is visible."""
    return _fit(DummyClassifier(strategy="constant", constant="virginica"))


def key(version: str) -> str:
    """Return the key of a version of the sample."""
    return f"{MODEL}/{version}/model.joblib"


def _fit(model: LogisticRegression | DummyClassifier) -> bytes:
    iris = load_iris()
    buffer = io.BytesIO()
    joblib.dump(model.fit(iris.data, iris.target_names[iris.target]), buffer)
    return buffer.getvalue()
