"""Real estimators in real files: what `load` returns, and the error for each file that cannot be served."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn.base
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from structlog.testing import capture_logs

from server.errors import ModelError, first_line
from server.model.load_policy import LoadPolicy
from server.model.loader import SAVED_BY_ANOTHER_VERSION, load, unpickle, use_one_job
from server.paths import INPUT_EXAMPLE
from server.schema import Evidence, InputForm
from tests.unit.server import example_models

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
def test_load_of_a_fitted_model_describes_it_and_predicts(
    tmp_path: Path, model: Any, shape: tuple[int, ...], missing: bool | None
) -> None:
    loaded = load(saved(tmp_path, model))
    assert loaded.schema.features == 2
    assert missing is None or loaded.schema.allows_missing is missing
    assert np.shape(loaded.methods["predict"].call(X[:1])) == shape


def test_load_of_a_model_with_string_labels_predicts_them(tmp_path: Path) -> None:
    assert load(saved(tmp_path, LogisticRegression().fit(X, LABELS))).methods["predict"].call(X)[0] == "no"


@pytest.mark.parametrize(
    ("model", "methods"),
    [
        (StandardScaler(), {"transform"}),
        (make_pipeline(StandardScaler(), PCA(1)), {"transform", "score_samples"}),
        (KernelDensity(), {"score_samples"}),
        (IsolationForest(n_estimators=5), {"predict", "decision_function", "score_samples"}),
        (LocalOutlierFactor(2, novelty=True), {"predict", "decision_function", "score_samples"}),
        (GaussianMixture(), {"predict", "predict_proba", "score_samples"}),
        (KMeans(2), {"predict", "transform"}),
    ],
)
def test_load_serves_each_method_that_the_model_has(tmp_path: Path, model: Any, methods: set[str]) -> None:
    loaded = load(saved(tmp_path, model.fit(X)))
    assert set(loaded.methods) == methods
    for name, method in loaded.methods.items():
        np.testing.assert_array_equal(method.call(X), getattr(model, name)(X))
        assert name in loaded.schema.example_answers


def test_load_of_a_vectorizer_serves_its_transform(tmp_path: Path) -> None:
    loaded = load(saved(tmp_path, TfidfVectorizer().fit(["good day", "bad day"])))
    assert loaded.methods["transform"].call(np.array(["day"], dtype=object)).toarray().tolist() == [[0.0, 1.0, 0.0]]


def test_load_of_an_object_without_a_served_method_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.joblib holds a dict, which has no predict\(\)"):
        load(saved(tmp_path, {"a": 1}))


def test_load_of_a_missing_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no file .*model\.joblib"):
        load(tmp_path / "model.joblib")


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04"])
def test_load_of_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a model that joblib can load"):
        load(path)


def test_load_of_an_unfitted_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="never fitted"):
        load(saved(tmp_path, LinearRegression()))


def test_use_one_job_of_a_search_reaches_the_estimators_inside() -> None:
    search = GridSearchCV(make_pipeline(StandardScaler(), RandomForestClassifier(2)), {}, cv=2).fit(X, LABELS)
    # Set after the fit, which would start a process for each job.
    search.n_jobs, search.best_estimator_[-1].n_jobs = 2, -1
    use_one_job(search)
    assert (search.n_jobs, search.best_estimator_[-1].n_jobs) == (1, 1)


def test_load_returns_the_digest_of_the_file_and_who_saved_it(tmp_path: Path) -> None:
    path = saved(tmp_path, LinearRegression().fit(X, Y))
    loaded = load(path)
    assert loaded.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.saved_by == loaded.library


def saved_by(version: str, folder: Path, model: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Save the model as that version of scikit-learn would: each estimator's state names the version."""
    with monkeypatch.context() as patched:
        patched.setattr(sklearn.base, "__version__", version)
        return saved(folder, model)


def test_load_of_a_file_by_another_scikit_learn_serves_it_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, LABELS)  # three estimators, three warnings
    path = saved_by("1.2.2", tmp_path, model, monkeypatch)
    with capture_logs() as logs:
        loaded = load(path)
    here = sklearn.__version__
    assert [line for line in logs if line["log_level"] == "warning"] == [
        {
            "event": SAVED_BY_ANOTHER_VERSION,
            "log_level": "warning",
            "saved": "1.2.2",
            "here": here,
            "advice": f"put scikit-learn==1.2.2, which saved it, into requirements.txt, or train with {here}",
        }
    ]
    assert (loaded.saved_by, loaded.library) == ("sklearn 1.2.2", f"sklearn {here}")
    assert loaded.methods["predict"].call(X).tolist() == LABELS.tolist()


def test_load_of_a_file_by_the_same_scikit_learn_logs_no_warning(tmp_path: Path) -> None:
    with capture_logs() as logs:
        load(saved(tmp_path, LogisticRegression().fit(X, LABELS)))
    assert [line for line in logs if line["log_level"] == "warning"] == []


def test_unpickle_logs_other_warnings_as_they_are(tmp_path: Path) -> None:
    with capture_logs() as logs:
        _, by = unpickle(saved(tmp_path, Warns()))
    assert by == ""
    assert logs == [{"event": "warning while loading", "log_level": "warning", "warning": "an old format"}]


class Warns:
    """Warns while it is loaded."""

    def __setstate__(self, _: Any) -> None:
        warnings.warn("an old format\nand more", DeprecationWarning, stacklevel=1)

    def __getstate__(self) -> dict[str, int]:
        return {"any": 1}


class Refuses:
    """Refuses every row."""

    n_features_in_ = 2

    def __init__(self, error: Exception) -> None:
        self.error = error

    def predict(self, _: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    "error", [ValueError("only cats"), TypeError("no tree\nand more"), KeyError("x"), AttributeError("no .str")]
)
def test_load_of_a_model_that_refuses_the_invented_row_serves_it(tmp_path: Path, error: Exception) -> None:
    with capture_logs() as logs:
        loaded = load(saved(tmp_path, Refuses(error)))
    (line,) = [line for line in logs if "invented" in line["event"]]
    assert line["reason"] == first_line(error)
    assert "input-example.json" in line["advice"]
    assert loaded.methods["predict"].cost.seconds(1) >= 0.01  # not measured: not on the event loop at first
    assert loaded.schema.form is InputForm.AS_SENT


def test_load_of_a_model_that_lacks_a_part_of_its_own_is_refused(tmp_path: Path) -> None:
    model = LogisticRegression().fit(X, LABELS)
    del model.intercept_  # as other versions of scikit-learn name or keep it elsewhere
    with pytest.raises(ModelError, match="its LogisticRegression has no intercept_, so another version"):
        load(saved(tmp_path, model))


def test_load_of_a_model_of_another_version_that_lacks_a_part_names_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LogisticRegression().fit(X, LABELS)
    del model.intercept_
    path = saved_by("1.2.2", tmp_path, model, monkeypatch)
    with pytest.raises(ModelError, match=r"saved it: put scikit-learn==1\.2\.2, which saved it, into requirements"):
        load(path)


def test_load_of_a_model_that_refuses_its_owners_example_is_refused_in_words(tmp_path: Path) -> None:
    path = saved(tmp_path, make_pipeline(OneHotEncoder(), LogisticRegression()).fit([["x"], ["y"]], [0, 1]))
    (tmp_path / INPUT_EXAMPLE).write_text('[["x"], ["z"]]')
    with pytest.raises(ModelError, match=r"refuses its own example \(input-example\.json\): ValueError: Found unknown"):
        load(path)


@pytest.mark.parametrize("content", ["", "[", "[]", "3", '{"rows": 1}', '{"other": []}'])
def test_load_of_a_model_with_a_broken_example_is_refused_in_words(tmp_path: Path, content: str) -> None:
    path = saved(tmp_path, LinearRegression().fit(X, Y))
    (tmp_path / INPUT_EXAMPLE).write_text(content)
    with pytest.raises(ModelError, match=r"^input-example\.json ") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_load_with_an_example_from_elsewhere_uses_it(tmp_path: Path) -> None:
    elsewhere = tmp_path / "rows.json"
    elsewhere.write_text('{"data": [[7, 8]]}')
    schema = load(saved(tmp_path, LinearRegression().fit(X, Y)), example=elsewhere).schema
    assert (schema.evidence, schema.example_row) == (Evidence.OWNER_EXAMPLE, (7, 8))


@pytest.mark.parametrize("fitted_in", ["float32", "float64"])
def test_load_of_a_model_whose_owner_sends_float32_computes_by_code(fitted_in: str, tmp_path: Path) -> None:
    table = pd.DataFrame(X[:, :2], columns=["a", "b"]).astype(fitted_in)
    path = saved(tmp_path, make_pipeline(StandardScaler(), LinearRegression()).fit(table, Y))
    assert load(path).loaded == "data"
    (tmp_path / "input-example.json").write_text('{"data": [[7, 8]], "dtypes": {"a": "float32", "b": "float32"}}')
    loaded = load(path)
    assert (loaded.loaded, loaded.needs_code) == ("code", "rows of float32 are not known as data")


class Wrapper(BaseEstimator):  # type: ignore[misc]
    """Keeps what it learned where scikit-learn does not look for it."""

    def predict(self, rows: Any) -> Any:
        return np.zeros(len(rows))


def test_load_of_an_estimator_without_fitted_attributes_serves_it(tmp_path: Path) -> None:
    assert load(saved(tmp_path, Wrapper())).schema.evidence is Evidence.NOTHING


@pytest.mark.parametrize("model", [make_pipeline(StandardScaler(), LinearRegression()), KMeans(2)])
def test_load_of_anything_unfitted_is_refused(tmp_path: Path, model: Any) -> None:
    with pytest.raises(ModelError, match="never fitted"):
        load(saved(tmp_path, model))


def test_load_makes_the_model_use_one_job(tmp_path: Path) -> None:
    forest = RandomForestClassifier(2).fit(X, LABELS).set_params(n_jobs=2)
    predict = load(saved(tmp_path, forest), direct=False, policy=LoadPolicy.CODE).methods["predict"].call
    assert predict.__self__.n_jobs == 1  # type: ignore[attr-defined]


def test_load_of_a_model_with_names_leaves_no_warning_about_arrays_without_names(tmp_path: Path) -> None:
    loaded = load(saved(tmp_path, example_models.named), direct=False)
    assert loaded.methods["predict"].call(np.array([[0.0, 3.0]])).tolist() == [0]  # a warning is an error in tests
