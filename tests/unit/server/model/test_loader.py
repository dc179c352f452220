"""Real estimators, tiny: what the loader learns of them, and what it says of files it cannot serve."""

from __future__ import annotations

import hashlib
import sys
import types
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from server.errors import ModelError
from server.model.loader import load, use_one_job

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 5.0]])
Y = np.array([0.0, 1.0, 2.0, 3.0])
LABELS = np.array(["no", "no", "yes", "yes"])


def saved(folder: Path, model: Any) -> Path:
    path = folder / "model.joblib"
    joblib.dump(model, path)
    return path


@pytest.mark.parametrize(
    ("model", "shape", "missing"),
    [
        (LinearRegression().fit(X, Y), (1,), False),
        (LogisticRegression().fit(X, LABELS), (1,), False),
        (make_pipeline(StandardScaler(), LogisticRegression()).fit(X, LABELS), (1,), None),
        (LinearRegression().fit(X, np.c_[Y, Y]), (1, 2), False),
        (HistGradientBoostingRegressor(max_iter=1).fit(X, Y), (1,), True),
    ],
)
def test_a_model_is_described_and_predicts(
    tmp_path: Path, model: Any, shape: tuple[int, ...], missing: bool | None
) -> None:
    loaded = load(saved(tmp_path, model))
    assert loaded.schema.features == 2
    assert missing is None or loaded.schema.allows_missing is missing
    assert np.shape(loaded.methods["predict"].call(X[:1])) == shape


def test_string_labels_are_kept(tmp_path: Path) -> None:
    assert load(saved(tmp_path, LogisticRegression().fit(X, LABELS))).methods["predict"].call(X)[0] == "no"


def test_an_object_without_predict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"dict, which has no predict\(\)"):
        load(saved(tmp_path, {"a": 1}))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no file .*model\.joblib"):
        load(tmp_path / "model.joblib")


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04"])
def test_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a model that joblib can load"):
        load(path)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("absent_package")
    kind = type("Estimator", (), {"__module__": "absent_package"})
    module.Estimator = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "absent_package", module)
    path = saved(tmp_path, kind())
    monkeypatch.delitem(sys.modules, "absent_package")
    with pytest.raises(ModelError, match=r"needs the package 'absent_package': put it into requirements\.txt"):
        load(path)


def test_an_unfitted_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="never fitted"):
        load(saved(tmp_path, LinearRegression()))


def test_a_model_predicts_in_one_thread_whatever_it_was_trained_with() -> None:
    search = GridSearchCV(make_pipeline(StandardScaler(), RandomForestClassifier(2)), {}, cv=2).fit(X, LABELS)
    # Set after the fit, which would start a process for each job.
    search.n_jobs, search.best_estimator_[-1].n_jobs = 2, -1
    use_one_job(search)
    assert (search.n_jobs, search.best_estimator_[-1].n_jobs) == (1, 1)


def test_what_was_saved_is_told_by_its_digest(tmp_path: Path) -> None:
    path = saved(tmp_path, LinearRegression().fit(X, Y))
    loaded = load(path)
    assert loaded.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.saved_by == loaded.library
