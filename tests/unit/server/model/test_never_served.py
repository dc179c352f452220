"""Files that no server can serve are recognised without running them, and no file that may be served is among them."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.cluster import DBSCAN
from sklearn.ensemble import StackingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler
from sklearn.utils import Bunch, all_estimators, get_tags

from server.errors import ModelError
from server.model.loader import load
from server.model.never_served import ONLY_FIT_PREDICT, ONLY_FIT_TRANSFORM, WITHOUT_FITTED_STATE, never_served
from server.schema import METHODS

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 5.0]])
LABELS = np.array([0, 0, 1, 1])
FITTED = LogisticRegression().fit(X, LABELS)


class Own(LogisticRegression):  # type: ignore[misc]
    """A class of the script that saves the model, once its module is `__main__`."""


def own_function(rows: Any) -> Any:
    return rows


def saved(folder: Path, model: Any) -> Path:
    path = folder / "model.joblib"
    joblib.dump(model, path)
    return path


@pytest.fixture
def as_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `Own` and `own_function` those of the script that runs."""
    script = ModuleType("__main__")
    for item in (Own, own_function):
        monkeypatch.setattr(item, "__module__", "__main__")
        setattr(script, item.__name__, item)
    monkeypatch.setitem(sys.modules, "__main__", script)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({"model": FITTED}, ["a dict", "save one fitted estimator"]),
        (OrderedDict(model=FITTED), ["an OrderedDict", "save one fitted estimator"]),
        (Bunch(model=FITTED), ["a Bunch", "save one fitted estimator"]),
        ((StandardScaler().fit(X), FITTED), ["a tuple", "Pipeline"]),
        (X, ["a ndarray", "save a fitted estimator"]),
        (None, ["a NoneType"]),
        (LogisticRegression, ["the class LogisticRegression", "fit() returned"]),
        (LogisticRegression(), ["a LogisticRegression that was never fitted", "after fit()"]),
        (GaussianProcessClassifier(), ["a GaussianProcessClassifier that was never fitted"]),
        (make_pipeline(StandardScaler(), LogisticRegression()), ["a Pipeline that was never fitted"]),
        (GridSearchCV(LogisticRegression(), {"C": [1]}), ["a GridSearchCV that was never fitted"]),
        (StackingClassifier([("a", LogisticRegression())]), ["a StackingClassifier that was never fitted"]),
        (DBSCAN().fit(X), ["a DBSCAN", "fit_predict() but no predict()", "KMeans"]),
        (TSNE(), ["a TSNE", "fit_transform() but no transform()", "PCA"]),
    ],
)
def test_never_served_of_a_file_without_a_model_agrees_with_the_server(
    tmp_path: Path, held: Any, words: list[str]
) -> None:
    path = saved(tmp_path, held)
    reason = never_served(path)
    assert [word for word in words if word not in reason] == []
    with pytest.raises(ModelError):
        load(path)


@pytest.mark.parametrize(
    "make", [lambda: Own().fit(X, LABELS), lambda: make_pipeline(FunctionTransformer(own_function))]
)
@pytest.mark.usefixtures("as_script")
def test_never_served_of_a_model_with_code_of_its_script_names_it(tmp_path: Path, make: Any) -> None:
    reason = never_served(saved(tmp_path, {"deep": [make()]}))
    assert "which was defined in the script or notebook that saved it" in reason
    assert "cloudpickle.dump" in reason


@pytest.mark.parametrize(
    "model",
    [
        FITTED,
        Own().fit(X, LABELS),  # of a module that the pod may have
        make_pipeline(Normalizer()),
        make_pipeline(StandardScaler(), FunctionTransformer(own_function)).fit(X),
        FeatureUnion([("a", Normalizer())]),
        CountVectorizer(vocabulary=["a", "b"]),
        GaussianProcessClassifier().fit(X, LABELS),
        GaussianProcessRegressor(),
    ],
)
def test_never_served_of_a_model_that_may_be_served_is_empty(tmp_path: Path, model: Any) -> None:
    assert never_served(saved(tmp_path, model)) == ""


@pytest.mark.usefixtures("as_script")
def test_never_served_of_a_script_class_saved_by_value_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(cloudpickle.dumps(Own().fit(X, LABELS)))
    assert never_served(path) == ""


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04\xff"])
def test_never_served_of_a_file_that_cannot_be_read_is_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(content)
    assert never_served(path) == ""


@pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")
def test_lists_of_estimators_are_those_of_scikit_learn() -> None:
    """A new scikit-learn may have others."""
    every = dict(all_estimators())
    silent = {name: kind for name, kind in every.items() if not any(hasattr(kind, method) for method in METHODS)}
    assert {name for name, kind in silent.items() if hasattr(kind, "fit_predict")} == ONLY_FIT_PREDICT
    assert {name for name, kind in silent.items() if hasattr(kind, "fit_transform")} == ONLY_FIT_TRANSFORM
    stateless = {name for name, kind in every.items() if hasattr(kind, "__sklearn_is_fitted__") or _needs_no_fit(kind)}
    assert stateless - WITHOUT_FITTED_STATE == {"Pipeline"}  # as its last step says


def _needs_no_fit(kind: Any) -> bool:
    try:
        return not get_tags(kind()).requires_fit
    except (AttributeError, TypeError):  # it takes other estimators
        return False
