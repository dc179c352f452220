"""The models of the benchmark: small, fitted here, and the same in every run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from tests.bench.serving import people
from tests.bench.serving.cases import FOREST, LOGISTIC, SCALER

WIDE_ROWS, WIDE_FEATURES = 10_000, 100
SLOW_VECTORS, SLOW_FEATURES = 3_000, 8

_UNFITTED = {
    LOGISTIC: LogisticRegression(max_iter=1000),
    SCALER: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    FOREST: RandomForestClassifier(100, random_state=0),
}


def save(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Fit these models, and return the file of each by its name."""
    iris = load_iris()
    found = {}
    for name in names:
        found[name] = folder / f"{re.sub(r'[^a-zA-Z]+', '-', name)}.joblib"
        model = _UNFITTED[name].fit(iris.data, iris.target) if name in _UNFITTED else people.fitted(name)
        joblib.dump(model, found[name])
    return found


def rows_of(name: str, count: int) -> Any:
    """Return rows for this model: an array, or a list as clients send it."""
    return iris_rows(count) if name in _UNFITTED else people.sent_rows(name, count)


def predictions(name: str, estimator: Any, rows: Any) -> list[Any]:
    """Return scikit-learn's own answer to the rows."""
    return list(estimator.predict(rows if name in _UNFITTED else people.as_fitted(rows)).tolist())


def iris_rows(count: int) -> np.ndarray:
    """Return `count` rows spread over the data. Many rows contain every class; a single one is from the middle."""
    data = load_iris().data
    return data[np.linspace(0, len(data) - 1, count + 2).astype(int)[1:-1]]


def save_wide(folder: Path) -> tuple[Path, Path]:
    """Save a regression over a hundred features and ten thousand rows for it (.npy), and return both paths."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(WIDE_ROWS, WIDE_FEATURES))
    labels = (rows @ rng.normal(size=(WIDE_FEATURES, 3))).argmax(axis=1)
    model, data = folder / "wide.joblib", folder / "wide.npy"
    joblib.dump(LogisticRegression(max_iter=1000).fit(rows[:1000], labels[:1000]), model)
    np.save(data, rows)
    return model, data


def save_slow(folder: Path) -> Path:
    """Save a model of thousands of support vectors, each compared with every row: a tenth of a millisecond per row."""
    rng, path = np.random.default_rng(0), folder / "slow.joblib"
    # So narrow a kernel keeps every row as a support vector, and is fitted quickly.
    model = SVC(gamma=1000.0).fit(slow_rows(SLOW_VECTORS), rng.integers(0, 2, SLOW_VECTORS))
    joblib.dump(model, path)
    return path


def slow_rows(count: int) -> np.ndarray:
    """Return rows of short numbers, which take little time to parse."""
    return np.random.default_rng(1).normal(size=(count, SLOW_FEATURES)).round(2)
