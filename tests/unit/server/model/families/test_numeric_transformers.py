"""Polynomials, intervals, decompositions, quantiles, powers and functions as data give the answers of scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import decomposition, preprocessing
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from server.model.families.registry import part_of
from server.model.pickledata.records import Name, Unknown, as_record
from tests.unit.server.fitted_models import THREE, X
from tests.unit.server.model.families.equality import (
    REMOVED,
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with,
    hostile_matrices,
    sparse_matrices,
)

POLYNOMIALS = {
    "square": {},
    "cube": {"degree": 3},
    "fourth of three": {"degree": (3, 4)},
    "from the square": {"degree": (2, 3), "include_bias": False},
    "second alone": {"degree": (2, 2), "order": "F"},
    "products": {"degree": 3, "interaction_only": True},
    "products, more than there are": {"degree": (2, 7), "interaction_only": True, "include_bias": False},
    "in columns": {"degree": 2, "order": "F", "include_bias": False},
    "in columns from the square": {"degree": (2, 3), "order": "F", "include_bias": False},
    "nothing": {"degree": 0},
    "line": {"degree": 1},
}
BINS = {
    f"{encode} {strategy}": {"encode": encode, "strategy": strategy, "quantile_method": "averaged_inverted_cdf"}
    for encode in ("onehot", "onehot-dense", "ordinal")
    for strategy in ("quantile", "uniform", "kmeans")
}
NUMERIC: dict[str, Any] = {
    **{f"polynomial, {name}": preprocessing.PolynomialFeatures(**options) for name, options in POLYNOMIALS.items()},
    **{f"bins, {name}": preprocessing.KBinsDiscretizer(4, **options) for name, options in BINS.items()},
    "bins of several": preprocessing.KBinsDiscretizer([2, 3, 9, 4, 5], quantile_method="linear", dtype=np.float64),
    "pca": make_pipeline(decomposition.PCA(3), "passthrough"),
    "pca of all": make_pipeline(decomposition.PCA(svd_solver="full"), "passthrough"),
    "pca white": make_pipeline(decomposition.PCA(0.99, whiten=True), preprocessing.StandardScaler()),
    "pca randomized": make_pipeline(decomposition.PCA(2, svd_solver="randomized", random_state=0), "passthrough"),
    "incremental": decomposition.IncrementalPCA(2, whiten=True, batch_size=40),
    "pca alone": decomposition.PCA(3),
    "pca alone, of all": decomposition.PCA(svd_solver="covariance_eigh"),
    "pca alone, of nothing": decomposition.PCA(0, svd_solver="full"),
    "pca alone, white": decomposition.PCA(2, whiten=True),
    "pca last": make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(2)),
    "factors": decomposition.FactorAnalysis(2),
    "factors rotated": decomposition.FactorAnalysis(3, rotation="varimax"),
    "factors of all": decomposition.FactorAnalysis(),
    "factors of so many": decomposition.FactorAnalysis(5),
    "svd": decomposition.TruncatedSVD(3, random_state=0),
    "svd by arpack": decomposition.TruncatedSVD(2, algorithm="arpack", random_state=0),
    "ica": decomposition.FastICA(3, random_state=0),
    "ica not white": decomposition.FastICA(whiten=False, max_iter=5),
    "quantile": preprocessing.QuantileTransformer(n_quantiles=50),
    "quantile of few": preprocessing.QuantileTransformer(n_quantiles=3),
    "quantile normal": preprocessing.QuantileTransformer(n_quantiles=50, output_distribution="normal"),
    "quantile normal of few": preprocessing.QuantileTransformer(n_quantiles=3, output_distribution="normal"),
    "power": preprocessing.PowerTransformer(),
    "power not scaled": preprocessing.PowerTransformer(standardize=False),
    "log": preprocessing.FunctionTransformer(np.log1p),
    "log validated": preprocessing.FunctionTransformer(np.log1p, validate=True),
    "absolute": preprocessing.FunctionTransformer(np.abs, feature_names_out="one-to-one"),
    "is missing": preprocessing.FunctionTransformer(np.isnan),
    "nothing": preprocessing.FunctionTransformer(),
    "nothing validated": preprocessing.FunctionTransformer(validate=True),
}
OTHER_SCALER = preprocessing.StandardScaler().fit(X)
OTHER_SCALER.another = 1
STEPS = np.c_[np.round(X[:, :3]), np.ones(len(X)), X[:, 4]]


def fitted(name: str, data: Any = X) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return NUMERIC[name].fit(data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NUMERIC)
def test_part_of_a_transformer_of_numbers_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_to(fitted(name), [*hostile_matrices(X), X[:9, ::-1], np.arange(10).reshape(2, 5)])
    if not name.startswith("log"):
        assert_equal_to(fitted(name), [X[:5].astype(object)])
    if "validated" in name or not name.startswith(("log", "absolute", "is", "nothing")):
        assert_equal_to(fitted(name), [pd.DataFrame({f"c{at}": column.astype(int) for at, column in enumerate(X.T)})])
    assert_equal_to(fitted(name, STEPS), [*hostile_matrices(STEPS, 1), STEPS[::2]])


@pytest.mark.parametrize("name", ["svd", "pca", "pca alone"])
def test_part_of_a_decomposition_of_sparse_rows_gives_the_answers_of_scikit_learn(name: str) -> None:
    assert_equal_on_sparse(fitted(name), list(sparse_matrices(X)))


def test_quantiles_that_repeat_at_both_ends_give_zero_and_one() -> None:
    cut = np.clip(X, np.quantile(X, 0.3, axis=0), np.quantile(X, 0.6, axis=0))
    for distribution in ("uniform", "normal"):
        transformer = preprocessing.QuantileTransformer(n_quantiles=20, output_distribution=distribution).fit(cut)
        assert_equal_to(transformer, [cut, cut[:1], X, cut + 9e-8, cut - 1.1e-7])


def test_pca_of_columns_that_repeat_divides_by_no_tiny_number() -> None:
    repeated = np.c_[X[:, :2], X[:, :2], X[:, :1]]
    pca = make_pipeline(decomposition.PCA(5, whiten=True, svd_solver="full"), "passthrough").fit(repeated)
    # Some solvers leave a variance of zero.
    pca[0].explained_variance_[3:] = 0.0
    assert_equal_to(pca, [repeated, repeated[:1], X])


def test_power_of_zero_and_of_two_is_a_logarithm() -> None:
    for standardize in (False, True):
        transformer = preprocessing.PowerTransformer(standardize=standardize).fit(X)
        transformer.lambdas_ = np.array([0.0, 2.0, 1e-17, 2 - 1e-16, 2 + 1e-15])
        assert_equal_to(transformer, list(hostile_matrices(X)))


POSITIVE = np.abs(X) + 0.01


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("standardize", [False, True])
def test_part_of_a_box_cox_gives_the_answers_of_scikit_learn(standardize: bool) -> None:
    transformer = preprocessing.PowerTransformer("box-cox", standardize=standardize).fit(POSITIVE)
    inputs = [*hostile_matrices(POSITIVE), *map(np.abs, hostile_matrices(POSITIVE)), np.ceil(POSITIVE).astype(int)]
    assert_equal_to(transformer, inputs)
    transformer.lambdas_ = np.array([0.0, 1e-20, -1e-18, 80.0, -80.0])
    assert_equal_to(transformer, inputs)


def test_function_of_named_columns_gives_a_table() -> None:
    frame = pd.DataFrame({"a": X[:4, 0], "b": [1, 2, 3, 4], "c": [True, False, True, True]})
    pipeline = make_pipeline(preprocessing.FunctionTransformer(np.square), preprocessing.MaxAbsScaler())
    assert_equal_to(pipeline.fit(frame[["a", "b"]]), [frame[["a", "b"]], frame[["a", "b"]][:1]])


@pytest.mark.parametrize("module", ["numpy", "numpy._core._multiarray_umath", "numpy.core._multiarray_umath"])
def test_function_is_known_by_the_name_that_its_numpy_gave_it(module: str) -> None:
    transformer = fitted("log")
    record = as_record(transformer)
    record.state = {**record.state, "func": Name(f"{module}.log1p")}
    assert_equal_to(transformer, [X[:3]], part_of(record))


@pytest.mark.filterwarnings("ignore")
def test_part_of_a_pca_without_an_inverse_refuses_as_scikit_learn_does() -> None:
    repeated = np.c_[X[:, :2], X[:, :2], X[:, :1]]
    singular = decomposition.PCA(svd_solver="full").fit(repeated)
    singular.explained_variance_[1:] = 0.0
    assert_equal_to(singular, [X, X[:1]])
    assert_equal_to(singular.set_params(n_components=5), [np.full((1, 5), np.nan)])
    as_noisy = decomposition.PCA(2).fit(X)
    as_noisy.explained_variance_[1] = as_noisy.noise_variance_
    assert_equal_to(as_noisy, [X, X[:1]])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", [decomposition.PCA(1), decomposition.FactorAnalysis(1, max_iter=1)])
def test_wide_decomposition_is_known_only_before_another_step(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("decomposition", "factor_analysis"):
        monkeypatch.setattr(f"server.model.families.{module}.MAX_WIDTH", 4)
    with pytest.raises(Unknown, match=f"score_samples of {type(model).__name__}"):
        part_of(model.fit(X))
    with pytest.raises(Unknown, match="score_samples of Pipeline"):
        part_of(make_pipeline(preprocessing.StandardScaler(), model).fit(X))
    part_of(make_pipeline(model, LogisticRegression()).fit(X, THREE))


def test_likelihoods_of_float32_of_an_older_pca_are_unknown() -> None:
    for data, version in ((X, "1.8.0"), (X.astype(np.float32), "1.9.1")):
        record = saved_by(version, decomposition.PCA(2).fit(data))
        assert "score_samples" in part_of(record).methods
    with pytest.raises(Unknown, match="score_samples of PCA"):
        part_of(saved_by("1.8.0", decomposition.PCA(2).fit(X.astype(np.float32))))


def saved_by(version: str, estimator: Any) -> Any:
    record = as_record(estimator)
    record.live, record.state = False, {**record.state, "_sklearn_version": version}
    return record


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("polynomial, square", {"_n_out_full": 20}),
        ("polynomial, square", {"_n_out_full": 22}),
        ("polynomial, square", {"_max_degree": 3}),
        ("polynomial, square", {"_max_degree": 10**9}),
        ("polynomial, square", {"_min_degree": REMOVED}),
        ("polynomial, square", {"n_output_features_": 20}),
        ("polynomial, from the square", {"n_output_features_": 99}),
        ("polynomial, square", {"order": "K"}),
        ("polynomial, square", {"include_bias": 1}),
        ("polynomial, square", {"n_features_in_": 6}),
        ("bins of several", {"bin_edges_": np.array([np.zeros(3)] * 5 + [None], object)[:5]}),
        ("bins of several", {"bin_edges_": []}),
        ("bins of several", {"n_bins_": np.array([2, 3, 9, 4])}),
        ("bins of several", {"n_bins_": np.array([2.0, 3, 9, 4, 5])}),
        ("bins of several", {"dtype": np.float32}),
        ("bins of several", {"encode": "two"}),
        ("incremental", {"components_": np.zeros((2, 4))}),
        ("incremental", {"mean_": np.zeros(4)}),
        ("incremental", {"explained_variance_": np.zeros(3)}),
        ("incremental", {"whiten": REMOVED}),
        ("svd", {"components_": np.zeros((2, 4))}),
        ("svd", {"components_": np.zeros((2, 5), np.float16)}),
        ("ica", {"components_": np.zeros((2, 4))}),
        ("ica", {"mean_": np.zeros(4)}),
        ("ica", {"whiten": "warn"}),
        ("pca alone", {"n_components_": 2}),
        ("pca alone", {"explained_variance_": np.ones(2)}),
        ("pca alone", {"noise_variance_": 1}),
        ("pca alone", {"mean_": np.zeros(4)}),
        ("factors", {"components_": np.zeros((0, 5))}),
        ("factors", {"components_": np.zeros((6, 5))}),
        ("factors", {"noise_variance_": np.ones(4)}),
        ("factors", {"mean_": np.ones(4)}),
        ("factors", {"n_components": 3}),
        ("quantile", {"quantiles_": np.zeros((50, 4))}),
        ("quantile", {"references_": np.zeros(49)}),
        ("quantile", {"output_distribution": "other"}),
        ("quantile", {"copy": False}),
        ("power", {"lambdas_": np.zeros(4)}),
        ("power", {"lambdas_": np.full(5, np.nan)}),
        ("power", {"method": "other"}),
        ("power", {"_scaler": None}),
        ("power", {"_scaler": OTHER_SCALER}),
        ("power", {"_scaler": preprocessing.StandardScaler(with_mean=False).fit(X)}),
        ("power", {"_scaler": preprocessing.StandardScaler().fit(X[:, :4])}),
        ("power", {"copy": False}),
        ("log", {"func": len}),
        ("log", {"func": np.add}),
        ("log", {"func": "log1p"}),
        ("log", {"func": warnings.warn}),
        ("log", {"kw_args": {"where": False}}),
        ("log", {"validate": REMOVED}),
    ],
)
def test_part_of_a_transformer_of_numbers_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(fitted(name), **changes)
