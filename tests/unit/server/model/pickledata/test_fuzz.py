"""Real model files, changed at random: each is unreadable, unknown, or answers."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn import cluster, compose, ensemble, feature_extraction, linear_model, naive_bayes, pipeline, preprocessing

from tests.unit.server.fitted_models import THREE, TWO, X, fitted
from tests.unit.server.model.pickledata.hostile_models import CATEGORIES, HONEST

ROOT = Path(__file__).parents[5]
SEED = 13
CHANGED_BYTES, CHANGED_STATES = 3_000, 3_000
PEAK = 200 << 20
"""Bytes beside the models: rows of a changed width, and what a changed size makes NumPy allocate."""
SECONDS = 10
"""Seconds of CPU for one file, on a busy machine. Usual are milliseconds."""

NAMES = ("logistic of two", "ridge of two", "least squares", "forest of two", "tree regressor", "extra trees regressor")
NAMES += ("scaled logistic", "min max clipped", "imputed", "searched", "boosting", "boosting regressor", "gaussian")
NAMES += (
    "perceptrons",
    "vote",
    "vote of numbers",
    "bag",
    "adaptive boosting",
    "discriminant",
    "constant",
    "linear svc",
)
NAMES += ("linear svc", "neighbours", "histogram boosting regressor", "nu support vectors")

MIXED = np.c_[X[:, :2].astype(object), np.array(["a", "b", "c"] * 40, dtype=object), X[:, 2:].astype(object)]
TEXTS = ["one two three", "two three", "four five one", "six"] * 30


def table() -> Any:
    columns = compose.make_column_transformer(
        (preprocessing.OneHotEncoder(handle_unknown="ignore"), [2]),
        (preprocessing.StandardScaler(), [0, 1]),
        (preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [2]),
    )
    return pipeline.make_pipeline(columns, linear_model.LogisticRegression()).fit(MIXED, TWO)


MORE: dict[str, tuple[Callable[[], Any], Any]] = {
    "table": (table, MIXED[:4]),
    "texts": (
        lambda: pipeline.make_pipeline(
            feature_extraction.text.TfidfVectorizer(), linear_model.LogisticRegression()
        ).fit(TEXTS, TWO),
        TEXTS[:4],
    ),
    "counts": (
        lambda: pipeline.make_pipeline(feature_extraction.text.CountVectorizer(), naive_bayes.MultinomialNB()).fit(
            TEXTS, TWO
        ),
        TEXTS[:4],
    ),
    "polynomial": (
        lambda: pipeline.make_pipeline(preprocessing.PolynomialFeatures(2), linear_model.Ridge()).fit(X, X[:, 0]),
        X[:4],
    ),
    "clusters": (lambda: cluster.KMeans(3, n_init=1).fit(X), X[:4]),
    "stack": (
        lambda: ensemble.StackingClassifier([("a", fitted("tree")), ("b", fitted("gaussian"))], cv=2).fit(X, THREE),
        X[:4],
    ),
}


def test_changed_files_are_refused_or_answer_and_run_nothing(tmp_path: Path) -> None:
    write_models(tmp_path)
    report = fuzzed(tmp_path, SEED, CHANGED_BYTES, CHANGED_STATES)
    print(json.dumps({**report, "events": report["events"][:5]}, indent=1))
    assert not report["failures"]
    assert not report["events"]
    assert report["slowest"] < SECONDS
    assert report["peak"] < PEAK
    # The changes reach all outcomes, so what is asserted was not asserted of nothing.
    for outcome in ("unreadable", "unknown", "answered", "ValueError"):
        assert report["tally"][outcome]


def write_models(folder: Path) -> None:
    """Write each model, and rows that it takes."""
    models = {name: (fitted(name), X[:4]) for name in NAMES}
    models |= {name: (make(), rows) for name, (make, rows) in MORE.items()}
    models |= {name: (model := make(), CATEGORIES[:4, -model.n_features_in_ :]) for name, make in HONEST.items()}
    for name, (model, rows) in models.items():
        joblib.dump(model, folder / f"{name}.joblib")
        (folder / f"{name}.rows").write_bytes(pickle.dumps(rows))
    joblib.dump(fitted("logistic of two"), folder / "compressed.joblib", compress=3)
    (folder / "compressed.rows").write_bytes(pickle.dumps(X[:4]))


def fuzzed(folder: Path, *arguments: int) -> dict[str, Any]:
    """Return the report of `fuzzed.py` on the models. The process must survive."""
    command = [sys.executable, "-m", "tests.unit.server.model.pickledata.fuzzed", str(folder), *map(str, arguments)]
    environment = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    return report
