"""Models of the commonest families with random options and data, saved, read as data, and compared bit by bit."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from sklearn import decomposition, ensemble, linear_model, preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from server.model.families.registry import part_of
from server.model.pickledata.files import read
from tests.examples import examples
from tests.unit.server.model.families.equality import assert_equal_to, hostile_matrices

pytestmark = pytest.mark.filterwarnings("ignore")

seeds = st.integers(0, 2**32 - 1)
scales = st.integers(-9, 9)
containers = st.sampled_from([0, ("zlib", 1), ("gzip", 1), ("bz2", 1), ("lzma", 0), ("xz", 0)])

logistics = st.builds(
    linear_model.LogisticRegression,
    C=st.floats(1e-4, 1e4),
    fit_intercept=st.booleans(),
    class_weight=st.sampled_from([None, "balanced"]),
    solver=st.sampled_from(["lbfgs", "newton-cg", "newton-cholesky"]),
    max_iter=st.just(40),
)
scalers = st.one_of(
    st.builds(preprocessing.StandardScaler, with_mean=st.booleans(), with_std=st.booleans()),
    st.builds(
        preprocessing.MinMaxScaler,
        feature_range=st.tuples(st.floats(-9, 0), st.floats(0.5, 9)),
        clip=st.booleans(),
    ),
    st.builds(preprocessing.MaxAbsScaler),
    st.builds(
        preprocessing.RobustScaler,
        with_centering=st.booleans(),
        with_scaling=st.booleans(),
        quantile_range=st.tuples(st.floats(1, 40), st.floats(60, 99)),
    ),
    st.builds(preprocessing.Normalizer, norm=st.sampled_from(["l1", "l2", "max"])),
)
forests = st.builds(
    lambda kind, **options: kind(**options),
    st.sampled_from([ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier]),
    n_estimators=st.integers(1, 9),
    max_depth=st.none() | st.integers(1, 6),
    min_samples_leaf=st.integers(1, 5),
    criterion=st.sampled_from(["gini", "entropy"]),
    random_state=seeds,
)
histograms = st.builds(
    ensemble.HistGradientBoostingClassifier,
    max_iter=st.integers(1, 9),
    learning_rate=st.floats(0.01, 1),
    max_leaf_nodes=st.integers(2, 31),
    min_samples_leaf=st.integers(1, 20),
    max_bins=st.integers(2, 255),
    random_state=seeds,
)
decompositions = st.one_of(
    st.builds(
        decomposition.PCA,
        n_components=st.none() | st.floats(0.2, 0.99),
        whiten=st.booleans(),
        svd_solver=st.sampled_from(["full", "covariance_eigh"]),
    ),
    st.builds(decomposition.FactorAnalysis, rotation=st.sampled_from([None, "varimax"])),
)
curves = st.one_of(
    st.builds(
        preprocessing.QuantileTransformer,
        n_quantiles=st.integers(1, 40),
        output_distribution=st.sampled_from(["uniform", "normal"]),
    ),
    st.builds(preprocessing.PowerTransformer, standardize=st.booleans()),
    st.builds(
        preprocessing.SplineTransformer,
        n_knots=st.integers(2, 6),
        degree=st.integers(1, 4),
        extrapolation=st.sampled_from(["error", "constant", "linear", "continue"]),
    ),
)
precisions = st.sampled_from([np.float64, np.float32])
encoders = st.one_of(
    st.builds(
        preprocessing.OneHotEncoder,
        handle_unknown=st.sampled_from(["ignore", "error", "infrequent_if_exist"]),
        drop=st.sampled_from([None, "first", "if_binary"]),
        min_frequency=st.none() | st.integers(1, 9),
        sparse_output=st.booleans(),
    ),
    st.builds(
        preprocessing.OrdinalEncoder,
        handle_unknown=st.just("use_encoded_value"),
        unknown_value=st.sampled_from([-1, np.nan]),
    ),
)


def training(seed: int, scale: int, classes: int, gaps: float = 0.0) -> tuple[Any, Any]:
    """Return (rows, classes) of random size."""
    rng = np.random.default_rng(seed)
    rows, width = int(rng.integers(12, 80)), int(rng.integers(1, 7))
    X = rng.normal(size=(rows, width)) * 10.0**scale
    X[rng.random(X.shape) < gaps] = np.nan
    y = rng.integers(0, classes, rows)
    y[:classes] = range(classes)
    return X, y


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Let scikit-learn compute in one thread, as the server does: small calls by several are slow on a busy machine."""
    with threadpool_limits(1):
        yield


def some_matrices(like: Any, seed: int) -> list[Any]:
    """Return a fifth of the hostile matrices, another one for each seed."""
    return list(hostile_matrices(like, seed))[seed % 5 :: 5]


def assert_equal_as_data(model: Any, inputs: Any, container: Any) -> None:
    """Save a fitted model, read it as data, and compare all answers."""
    note(repr(model))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"
        joblib.dump(model, path, compress=container)
        part = part_of(read(path))
    assert_equal_to(model, list(inputs), part)


@given(logistics, seeds, scales, st.integers(2, 4), containers)
@examples(60)
def test_random_logistic_regressions_as_data(model: Any, seed: int, scale: int, classes: int, container: Any) -> None:
    X, y = training(seed, scale, classes)
    assert_equal_as_data(model.fit(X, y), some_matrices(X, seed), container)


@given(st.lists(scalers, min_size=1, max_size=3), seeds, scales, containers)
@examples(60)
def test_random_pipelines_of_scalers_as_data(steps: list[Any], seed: int, scale: int, container: Any) -> None:
    X, y = training(seed, scale, 3)
    model = make_pipeline(*steps, linear_model.LogisticRegression(max_iter=40)).fit(X, y)
    assert_equal_as_data(model, some_matrices(X, seed), container)


@given(decompositions, seeds, scales, precisions, containers)
@examples(60)
def test_random_decompositions_as_data(model: Any, seed: int, scale: int, precision: Any, container: Any) -> None:
    X, _ = training(seed, scale, 2)
    assert_equal_as_data(model.fit(X.astype(precision)), some_matrices(X, seed), container)


@given(curves, seeds, scales, precisions, containers)
@examples(60)
def test_random_curves_before_a_line_as_data(step: Any, seed: int, scale: int, precision: Any, container: Any) -> None:
    X, y = training(seed, scale, 3)
    model = make_pipeline(step, linear_model.LogisticRegression(max_iter=40)).fit(X.astype(precision), y)
    assert_equal_as_data(model, some_matrices(X, seed), container)


@given(forests, seeds, scales, st.integers(2, 4), st.sampled_from([0.0, 0.1]), containers)
@examples(60)
def test_random_forests_as_data(model: Any, seed: int, scale: int, classes: int, gaps: float, container: Any) -> None:
    X, y = training(seed, scale, classes, gaps)
    assert_equal_as_data(model.fit(X, y), some_matrices(X, seed), container)


@given(histograms, seeds, scales, st.integers(2, 4), st.sampled_from([0.0, 0.1]), containers)
@examples(60)
def test_random_histogram_gradient_boosting_as_data(
    model: Any, seed: int, scale: int, classes: int, gaps: float, container: Any
) -> None:
    X, y = training(seed, scale, classes, gaps)
    assert_equal_as_data(model.fit(X, y), some_matrices(X, seed), container)


neighbors = st.builds(
    KNeighborsRegressor,
    n_neighbors=st.integers(1, 60),
    weights=st.sampled_from(["uniform", "distance"]),
    p=st.sampled_from([1, 1.5, 2, 3, np.inf]),
    leaf_size=st.integers(1, 40),
    algorithm=st.just("kd_tree"),
)


@given(neighbors, seeds, scales, st.booleans(), containers)
@examples(60)
def test_random_nearest_neighbors_as_data(model: Any, seed: int, scale: int, whole: bool, container: Any) -> None:
    X, y = training(seed, scale, 3)
    X = np.round(X) if whole else X  # many are equally far
    model.set_params(n_neighbors=min(model.n_neighbors, len(X)))
    assert_equal_as_data(model.fit(X, y), some_matrices(X, seed), container)


forces = st.builds(
    lambda kind, **options: kind(algorithm="brute", **options),
    st.sampled_from([KNeighborsClassifier, KNeighborsRegressor]),
    n_neighbors=st.integers(1, 60),
    weights=st.sampled_from(["uniform", "distance", None]),
    metric=st.sampled_from(["minkowski", "euclidean", "manhattan", "chebyshev", "cosine"]),
)


@given(forces, seeds, scales, st.sampled_from([1, 9]), st.sampled_from(["far", "equal", "integers"]), containers)
@examples(60)
def test_random_nearest_neighbors_by_brute_force_as_data(
    model: Any, seed: int, scale: int, times: int, points: str, container: Any
) -> None:
    X, y = training(seed, scale, 3)
    X, y = np.tile(X, (times, 1)), np.tile(y, times)
    X = X if points == "far" else np.round(X)  # many are equally far
    fitted = model.set_params(n_neighbors=min(model.n_neighbors, len(X))).fit(
        X.clip(-1e9, 1e9).astype(np.int64) if points == "integers" else X, y
    )
    assert_equal_as_data(fitted, [*some_matrices(X, seed), pd.DataFrame(X[:40])], container)


def tables(rng: np.random.Generator, rows: int, cities: list[str]) -> pd.DataFrame:
    columns: dict[str, Any] = {name: rng.normal(size=rows) for name in ("age", "income")}
    columns["income"][rng.random(rows) < 0.1] = np.nan
    columns["city"] = np.array(rng.choice(cities, rows), dtype=object)
    columns["size"] = np.array(rng.choice(["S", "M", "L"], rows), dtype=object)
    return pd.DataFrame(columns)


@given(scalers, encoders, st.booleans(), st.sampled_from([0.0, 0.3, 1.0]), seeds, containers)
@examples(60)
def test_random_column_transformers_as_data(
    scaler: Any, encoder: Any, indicator: bool, threshold: float, seed: int, container: Any
) -> None:
    rng = np.random.default_rng(seed)
    cities = ["Bern", "Oslo", "Rome", "Riga", "Faro"][: rng.integers(1, 6)]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(add_indicator=indicator), scaler), ["age", "income"]),
            ("categories", encoder, ["city", "size"]),
        ],
        sparse_threshold=threshold,
    )
    last: Any = rng.choice([linear_model.LogisticRegression(max_iter=40), ensemble.RandomForestClassifier(4)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(columns, last).fit(tables(rng, 60, cities), rng.integers(0, 3, 60))
    inputs = [tables(rng, rows, cities) for rows in (1, 2, 40)] + [tables(rng, 9, [*cities, "Atlantis"])]
    assert_equal_as_data(model, inputs, container)
