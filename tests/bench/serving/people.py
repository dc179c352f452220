"""The models that people have: named columns, texts, ensembles. Small, fitted here, the same in every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC

ROWS = 400
COLUMNS_LOGISTIC, COLUMNS_FOREST = "columns + logistic regression", "columns + forest"
COLUMNS_HIST, HIST = "columns + histogram boosting", "histogram boosting"
COLUMNS_CODE = "columns + an unknown part"
"""Loaded by code, and called with a DataFrame for each request: its random features are not known as data."""
TABULAR = (COLUMNS_LOGISTIC, COLUMNS_FOREST, COLUMNS_HIST)


@dataclass(frozen=True)
class ModelOfPeople:
    """An unfitted estimator, and what it is fitted on and asked for."""

    estimator: Callable[[], Any]
    data: Callable[[], Any]
    """Return the rows: a matrix, a DataFrame or a list of texts."""
    target: Callable[[Any], Any]
    """Return the target of each row."""


@cache
def people() -> pd.DataFrame:
    """Return a table of customers: six columns of numbers, some of them missing, and four of words."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.normal(size=ROWS).round(3) for name in NUMBERS[:-1]})
    frame["visits"] = rng.integers(0, 40, ROWS).astype(float)
    for name, words in WORDS.items():
        frame[name] = rng.choice(words, ROWS).astype(object)
    frame.loc[::17, "income"] = np.nan
    return frame


WORDS = {
    "city": ["Rome", "Oslo", "Lima", "Kyiv", "Cairo"],
    "plan": ["free", "team", "business"],
    "channel": ["web", "shop", "phone", "partner"],
    "language": ["en", "it", "no", "es", "uk", "ar"],
}
NUMBERS = ["age", "income", "debt", "score", "tenure", "visits"]
COMPLAINTS = ["broken", "late", "refund", "help"]
OTHER_WORDS = ["thanks", "great", "price", "parcel", "invoice", "login", "size"]


def of_people(frame: pd.DataFrame) -> Any:
    return np.where(frame["age"] + (frame["plan"] == "team") * 0.7 - frame["debt"] > 0.1, "stays", "leaves")


@cache
def matrix() -> Any:
    """Return a matrix of eight columns."""
    return np.random.default_rng(1).normal(size=(ROWS, 8)).round(3)


def of_matrix(X: Any) -> Any:
    return np.digitize(X[:, 0] + X[:, 1] * X[:, 2], [-0.5, 0.5])


def number_of_matrix(X: Any) -> Any:
    return X[:, 0] * 3 + X[:, 1] * X[:, 2]


@cache
def texts() -> list[str]:
    """Return short messages."""
    rng = np.random.default_rng(2)
    return [" ".join(rng.choice([*COMPLAINTS, *OTHER_WORDS], 12)) for _ in range(ROWS)]


def of_texts(documents: Sequence[str]) -> Any:
    return np.array(["complaint" if "broken" in text or "late" in text else "other" for text in documents])


def by_columns(last: Any, *, dense: bool = False, scaler: Any = None) -> Any:
    """Return a pipeline that imputes and scales the numbers, encodes the words, and ends in `last`."""
    numbers = make_pipeline(SimpleImputer(), scaler or StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=not dense)
    return make_pipeline(ColumnTransformer([("numbers", numbers, NUMBERS), ("words", words, list(WORDS))]), last)


def _matrix_model(estimator: Callable[[], Any], target: Callable[[Any], Any] = of_matrix) -> ModelOfPeople:
    return ModelOfPeople(estimator, matrix, target)


def _of_people(last: Callable[[], Any], *, dense: bool = False) -> ModelOfPeople:
    return ModelOfPeople(lambda: by_columns(last(), dense=dense), people, of_people)


PEOPLE = {
    COLUMNS_LOGISTIC: _of_people(lambda: LogisticRegression(max_iter=1000)),
    COLUMNS_FOREST: _of_people(lambda: RandomForestClassifier(100, random_state=0)),
    COLUMNS_HIST: _of_people(lambda: HistGradientBoostingClassifier(random_state=0), dense=True),
    COLUMNS_CODE: ModelOfPeople(
        lambda: by_columns(LogisticRegression(max_iter=1000), scaler=RBFSampler(random_state=0)), people, of_people
    ),
    HIST: _matrix_model(lambda: HistGradientBoostingClassifier(random_state=0)),
    "gradient boosting": _matrix_model(lambda: GradientBoostingClassifier(random_state=0)),
    "SVC": _matrix_model(SVC),
    "nearest neighbors": _matrix_model(KNeighborsClassifier),
    "MLP": _matrix_model(lambda: MLPClassifier((32, 16), max_iter=300, tol=1e-2, random_state=0)),
    "PCA + logistic regression": _matrix_model(lambda: make_pipeline(PCA(4), LogisticRegression(max_iter=1000))),
    "polynomial ridge": _matrix_model(lambda: make_pipeline(PolynomialFeatures(2), Ridge()), number_of_matrix),
    "naive Bayes": _matrix_model(GaussianNB),
    "KMeans": _matrix_model(lambda: KMeans(8, n_init=1, random_state=0)),
    "tf-idf + logistic regression": ModelOfPeople(
        lambda: make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000)), texts, of_texts
    ),
}


def fitted(name: str) -> Any:
    """Return the fitted model of this name."""
    model = PEOPLE[name]
    return model.estimator().fit(model.data(), model.target(model.data()))


def sent_rows(name: str, count: int) -> list[Any]:
    """Return rows as clients send them: objects by name, lists of numbers, or texts."""
    data = PEOPLE[name].data()
    if isinstance(data, pd.DataFrame):
        complete = data.dropna()
        return list(complete.iloc[:count].to_dict("records"))
    return list(data[:count]) if isinstance(data, list) else data[:count].tolist()


def as_fitted(rows: Sequence[Any]) -> Any:
    """Return rows of a client as scikit-learn takes them."""
    return pd.DataFrame(rows) if isinstance(rows[0], dict) else list(rows)
