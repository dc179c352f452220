"""Models that were fitted on float32 give the answers of scikit-learn to rows of float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import (
    compose,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    mixture,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.pipeline import make_pipeline

from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import assert_equal_to, hostile_matrices

NARROW = X.astype(np.float32)
GAPS = NARROW.copy()
GAPS[::7, 2] = np.nan
WORDS = np.random.default_rng(0).choice(["a", "b", "c"], (len(X), 2)).astype(object)

NET: Any = {"hidden_layer_sizes": 6, "max_iter": 5, "random_state": 0}
MODELS: dict[str, tuple[Any, str]] = {
    "logistic": (linear_model.LogisticRegression(max_iter=50), "three"),
    "logistic of two": (linear_model.LogisticRegression(max_iter=50), "two"),
    "ridge classifier": (linear_model.RidgeClassifier(), "three"),
    "sgd": (linear_model.SGDClassifier(loss="log_loss", max_iter=9, random_state=0), "three"),
    "discriminant": (discriminant_analysis.LinearDiscriminantAnalysis(), "three"),
    "quadratic": (discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.5), "three"),
    "bayes": (naive_bayes.GaussianNB(), "three"),
    "net": (neural_network.MLPClassifier(**NET), "three"),
    "net of numbers": (neural_network.MLPRegressor(**NET), "numbers"),
    "least squares": (linear_model.LinearRegression(), "number"),
    "ridge of two": (linear_model.Ridge(), "numbers"),
    "lasso": (linear_model.Lasso(0.1), "number"),
    "sgd regressor": (linear_model.SGDRegressor(max_iter=9, random_state=0), "number"),
    "one class": (linear_model.SGDOneClassSVM(random_state=0), ""),
    "neighbors": (neighbors.KNeighborsRegressor(), "number"),
    **{f"mixture, {kind}": (mixture.GaussianMixture(2, covariance_type=kind, random_state=0, max_iter=5), "")
       for kind in ("full", "tied", "diag", "spherical")},
    "min max": (preprocessing.MinMaxScaler(clip=True), ""),
    "max abs": (preprocessing.MaxAbsScaler(), ""),
    "robust": (preprocessing.RobustScaler(), ""),
    "power": (preprocessing.PowerTransformer(), ""),
    "quantile": (preprocessing.QuantileTransformer(n_quantiles=20), ""),
    "bins": (preprocessing.KBinsDiscretizer(3, encode="ordinal", quantile_method="linear"), ""),
    "pca": (decomposition.PCA(2), ""),
    "pca white": (decomposition.PCA(whiten=True), ""),
    "incremental": (decomposition.IncrementalPCA(2, whiten=True), ""),
    "svd": (decomposition.TruncatedSVD(2, random_state=0), ""),
    "ica": (decomposition.FastICA(2, random_state=0), ""),
    "factors": (decomposition.FactorAnalysis(2), ""),
    "scaled, components, logistic": (
        make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(2), linear_model.LogisticRegression()), "two",
    ),
    "polynomials": (
        make_pipeline(preprocessing.MinMaxScaler(), preprocessing.PolynomialFeatures(), linear_model.Ridge()), "number",
    ),
    "selected": (feature_selection.SelectFromModel(linear_model.Ridge(), threshold="1.25*mean"), "number"),
    "support vectors": (svm.LinearSVC(max_iter=20), "three"),
    "target": (
        compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.MinMaxScaler()), "number",
    ),
}  # fmt: skip


def fitted(name: str) -> Any:
    model, target = MODELS[name]
    y = TARGETS.get(target)
    return model.fit(NARROW, y.astype(np.float32) if y is not None and y.dtype == np.float64 else y)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_part_that_was_fitted_on_float32_gives_the_answers_of_scikit_learn(name: str) -> None:
    integers = pd.DataFrame({f"c{at}": column.astype(int) for at, column in enumerate(X[:20].T)})
    assert_equal_to(fitted(name), [*hostile_matrices(X), integers])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_part_of_an_imputer_that_was_fitted_on_float32_gives_the_answers_of_scikit_learn(strategy: str) -> None:
    imputer = impute.SimpleImputer(strategy=strategy, add_indicator=True).fit(GAPS)
    assert_equal_to(imputer, [*hostile_matrices(X), GAPS.astype(float)])


@pytest.mark.parametrize("encoder", [preprocessing.OneHotEncoder(sparse_output=False), preprocessing.OrdinalEncoder()])
@pytest.mark.parametrize(
    "others",
    [
        [linear_model.LogisticRegression()],
        [preprocessing.StandardScaler(), svm.SVC()],
        [preprocessing.QuantileTransformer(n_quantiles=5), tree.DecisionTreeClassifier()],
        [preprocessing.Normalizer(), svm.SVC()],
    ],
)
def test_encoder_to_float32_before_a_part_that_computes_in_it_is_unknown(encoder: Any, others: list[Any]) -> None:
    model = make_pipeline(encoder.set_params(dtype=np.float32), *others)
    with pytest.raises(Unknown, match="an encoder to float32"):
        part_of(model.fit(WORDS, TARGETS["two"]))


@pytest.mark.parametrize("last", [svm.SVC(), tree.DecisionTreeClassifier(), ensemble.HistGradientBoostingClassifier()])
def test_encoder_to_float32_before_a_part_that_converts_it_gives_the_answers_of_scikit_learn(last: Any) -> None:
    encoder = preprocessing.OrdinalEncoder(dtype=np.float32)
    assert_equal_to(make_pipeline(encoder, last).fit(WORDS, TARGETS["two"]), [WORDS])
