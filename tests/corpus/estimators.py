"""The corpus' single estimators, and pipelines of few, on matrices. Written for every version from 1.3 on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from sklearn import (
    cluster,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    kernel_ridge,
    linear_model,
    mixture,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - imports the imputer
from sklearn.pipeline import make_pipeline

Entry = tuple[str, Any, str, str]
"""(name, estimator, kind of training data, target). The names and kinds are those of `inputs`."""

SEED = 0


def linear_regression() -> Iterator[Entry]:
    for name in (
        "LinearRegression", "Ridge", "Lasso", "ElasticNet", "BayesianRidge", "ARDRegression", "HuberRegressor", "Lars",
        "LassoLars", "LassoLarsIC", "OrthogonalMatchingPursuit", "RidgeCV", "LassoCV", "ElasticNetCV",
        "QuantileRegressor",
    ):  # fmt: skip
        yield name, getattr(linear_model, name)(), "matrix", "number"
    for name in ("SGDRegressor", "TheilSenRegressor", "PassiveAggressiveRegressor"):
        yield name, getattr(linear_model, name)(random_state=SEED), "matrix", "number"
    yield "LinearSVR", svm.LinearSVR(random_state=SEED), "matrix", "number"
    yield "LinearRegression, outputs", linear_model.LinearRegression(), "matrix", "numbers"
    yield "Ridge, outputs", linear_model.Ridge(), "matrix", "numbers"
    yield "Lasso, outputs", linear_model.Lasso(0.1), "matrix", "numbers"
    yield "LinearRegression, no intercept", linear_model.LinearRegression(fit_intercept=False), "matrix", "number"


def generalized_linear() -> Iterator[Entry]:
    yield "PoissonRegressor", linear_model.PoissonRegressor(), "matrix", "above zero"
    yield "GammaRegressor", linear_model.GammaRegressor(), "matrix", "above zero"
    yield "TweedieRegressor", linear_model.TweedieRegressor(power=1.5), "matrix", "above zero"
    yield "TweedieRegressor, identity", linear_model.TweedieRegressor(link="identity"), "matrix", "number"


def logistic_regression() -> Iterator[Entry]:
    make: Any = linear_model.LogisticRegression
    for target in ("two", "three"):
        yield f"LogisticRegression, {target}", make(), "matrix", target
        yield f"LogisticRegressionCV, {target}", linear_model.LogisticRegressionCV(Cs=3, cv=3), "matrix", target
        yield f"LogisticRegression, saga, {target}", make(solver="saga", random_state=SEED), "matrix", target
        yield f"LogisticRegression, newton-cg, {target}", make(solver="newton-cg"), "matrix", target
    yield "LogisticRegression, liblinear", make(solver="liblinear", random_state=SEED), "matrix", "two"
    yield "LogisticRegression, no intercept", make(fit_intercept=False), "matrix", "three"
    yield "LogisticRegression, balanced", make(class_weight="balanced", C=0.1), "matrix", "three"


def single_precision() -> Iterator[Entry]:
    """Yield models that were trained on float32, and so have other numbers in their files."""
    yield "LogisticRegression, float32", linear_model.LogisticRegression(), "matrix of float32", "three"
    scaled = make_pipeline(preprocessing.StandardScaler(), ensemble.RandomForestClassifier(12, random_state=SEED))
    yield "StandardScaler, RandomForestClassifier, float32", scaled, "matrix of float32", "two"
    models: dict[str, tuple[Any, str]] = {
        "LogisticRegression, two": (linear_model.LogisticRegression(), "two"),
        "Ridge": (linear_model.Ridge(), "number"),
        "LinearRegression, outputs": (linear_model.LinearRegression(), "numbers"),
        "SGDClassifier": (linear_model.SGDClassifier(loss="log_loss", random_state=SEED), "two"),
        "MLPClassifier": (neural_network.MLPClassifier((8, 4), max_iter=30, random_state=SEED), "three"),
        "MLPRegressor": (neural_network.MLPRegressor(hidden_layer_sizes=8, max_iter=30, random_state=SEED), "number"),
        "LinearDiscriminantAnalysis": (discriminant_analysis.LinearDiscriminantAnalysis(), "three"),
        "GaussianNB": (naive_bayes.GaussianNB(), "three"),
        "GaussianMixture": (mixture.GaussianMixture(2, random_state=SEED), ""),
        "PCA": (decomposition.PCA(3), ""),
        "MinMaxScaler, Ridge": (make_pipeline(preprocessing.MinMaxScaler(), linear_model.Ridge()), "number"),
        "SimpleImputer, RobustScaler, LogisticRegression": (
            make_pipeline(impute.SimpleImputer(), preprocessing.RobustScaler(), linear_model.LogisticRegression()),
            "two",
        ),
        "StandardScaler, PCA, LogisticRegression": (
            make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(3), linear_model.LogisticRegression()),
            "three",
        ),
        "KMeans": (cluster.KMeans(3, n_init=2, random_state=SEED), ""),
    }
    for name, (model, target) in models.items():
        yield f"{name}, float32", model, "matrix of float32", target


def linear_classifiers() -> Iterator[Entry]:
    for target in ("two", "three"):
        for loss in ("hinge", "log_loss", "modified_huber"):
            yield (
                f"SGDClassifier, {loss}, {target}",
                linear_model.SGDClassifier(loss=loss, random_state=SEED),
                "matrix",
                target,
            )
        yield f"LinearSVC, {target}", svm.LinearSVC(random_state=SEED), "matrix", target
        yield f"RidgeClassifier, {target}", linear_model.RidgeClassifier(), "matrix", target
        yield f"Perceptron, {target}", linear_model.Perceptron(random_state=SEED), "matrix", target
    yield "RidgeClassifierCV", linear_model.RidgeClassifierCV(), "matrix", "three"
    yield "PassiveAggressiveClassifier", linear_model.PassiveAggressiveClassifier(random_state=SEED), "matrix", "three"
    analysis: Any = discriminant_analysis.LinearDiscriminantAnalysis
    yield "LinearDiscriminantAnalysis, two", analysis(), "matrix", "two"
    yield "LinearDiscriminantAnalysis, three", analysis(), "matrix", "three"
    yield "LinearDiscriminantAnalysis, lsqr", analysis(solver="lsqr", shrinkage="auto"), "matrix", "three"
    for target in ("two", "three"):
        found = discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.1)
        yield f"QuadraticDiscriminantAnalysis, {target}", found, "matrix", target


def scalers() -> Iterator[Entry]:
    ridge: Any = linear_model.Ridge
    steps: dict[str, Any] = {
        "StandardScaler": preprocessing.StandardScaler(),
        "StandardScaler, no mean": preprocessing.StandardScaler(with_mean=False),
        "MinMaxScaler": preprocessing.MinMaxScaler(),
        "MinMaxScaler, clip": preprocessing.MinMaxScaler(feature_range=(-1, 1), clip=True),
        "MaxAbsScaler": preprocessing.MaxAbsScaler(),
        "RobustScaler": preprocessing.RobustScaler(),
        "Normalizer": preprocessing.Normalizer(),
        "Normalizer, l1": preprocessing.Normalizer("l1"),
        "Binarizer": preprocessing.Binarizer(threshold=0.5),
        "PowerTransformer": preprocessing.PowerTransformer(),
        "QuantileTransformer": preprocessing.QuantileTransformer(n_quantiles=50, random_state=SEED),
        "QuantileTransformer, normal": preprocessing.QuantileTransformer(
            n_quantiles=50, output_distribution="normal", random_state=SEED
        ),
    }
    for name, step in steps.items():
        yield f"{name}, Ridge", make_pipeline(step, ridge()), "matrix", "number"
    yield (
        "StandardScaler, LogisticRegression",
        make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
        "matrix",
        "three",
    )
    yield "StandardScaler", preprocessing.StandardScaler(), "matrix", ""
    yield "PowerTransformer, box-cox", preprocessing.PowerTransformer("box-cox"), "positive", ""


def imputers() -> Iterator[Entry]:
    logistic: Any = linear_model.LogisticRegression
    steps: dict[str, Any] = {
        "mean": impute.SimpleImputer(),
        "median, indicator": impute.SimpleImputer(strategy="median", add_indicator=True),
        "constant": impute.SimpleImputer(strategy="constant", fill_value=-1.0),
        "most frequent": impute.SimpleImputer(strategy="most_frequent"),
    }
    for name, step in steps.items():
        yield f"SimpleImputer, {name}", make_pipeline(step, logistic()), "gaps", "two"
    yield "KNNImputer", make_pipeline(impute.KNNImputer(), linear_model.Ridge()), "gaps", "number"
    iterative: Any = impute.IterativeImputer(max_iter=3, random_state=SEED)
    yield "IterativeImputer", make_pipeline(iterative, logistic()), "gaps", "two"
    yield "MissingIndicator", make_pipeline(impute.MissingIndicator(features="all"), logistic()), "gaps", "two"


def feature_steps() -> Iterator[Entry]:
    select: Any = feature_selection
    steps: dict[str, Any] = {
        "PolynomialFeatures": preprocessing.PolynomialFeatures(),
        "PolynomialFeatures, interactions": preprocessing.PolynomialFeatures(
            3, interaction_only=True, include_bias=False
        ),
        "PCA": decomposition.PCA(3),
        "PCA, whiten": decomposition.PCA(4, whiten=True),
        "TruncatedSVD": decomposition.TruncatedSVD(3, random_state=SEED),
        "SelectKBest": select.SelectKBest(k=3),
        "SelectPercentile": select.SelectPercentile(percentile=50),
        "SelectFromModel": select.SelectFromModel(linear_model.LogisticRegression(C=0.1)),
        "VarianceThreshold": select.VarianceThreshold(0.9),
        "KBinsDiscretizer": preprocessing.KBinsDiscretizer(4, subsample=None),
        "KBinsDiscretizer, ordinal": preprocessing.KBinsDiscretizer(
            4, encode="ordinal", strategy="uniform", subsample=None
        ),
        "KBinsDiscretizer, dense": preprocessing.KBinsDiscretizer(
            4, encode="onehot-dense", strategy="kmeans", subsample=None
        ),
    }
    for name, step in steps.items():
        yield f"{name}, LogisticRegression", make_pipeline(step, linear_model.LogisticRegression()), "matrix", "three"
    logarithm = make_pipeline(preprocessing.FunctionTransformer(np.log1p), linear_model.Ridge())
    yield "FunctionTransformer, log1p, Ridge", logarithm, "positive", "number"
    yield "PCA", decomposition.PCA(), "matrix", ""
    yield "PCA, few", decomposition.PCA(2), "matrix", ""
    yield "StandardScaler, PCA", make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(3)), "matrix", ""
    yield "FactorAnalysis", decomposition.FactorAnalysis(2, random_state=SEED), "matrix", ""
    yield "PCA, SVC", make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(4), svm.SVC()), "matrix", "three"
    yield (
        "PolynomialFeatures, scaled, Ridge",
        make_pipeline(preprocessing.StandardScaler(), preprocessing.PolynomialFeatures(2), linear_model.Ridge()),
        "matrix",
        "number",
    )


def encoders() -> Iterator[Entry]:
    logistic: Any = linear_model.LogisticRegression
    one_hot: Any = preprocessing.OneHotEncoder
    ordinal: Any = preprocessing.OrdinalEncoder
    yield "OneHotEncoder", make_pipeline(one_hot(), logistic()), "words", "three"
    yield "OneHotEncoder, ignore", make_pipeline(one_hot(handle_unknown="ignore"), logistic()), "words", "two"
    yield "OneHotEncoder, drop", make_pipeline(one_hot(drop="first"), logistic()), "words", "two"
    yield (
        "OneHotEncoder, rare",
        make_pipeline(one_hot(handle_unknown="infrequent_if_exist", min_frequency=42), logistic()),
        "words",
        "two",
    )
    yield "OneHotEncoder, dense", one_hot(sparse_output=False, drop="if_binary"), "words", ""
    yield "OneHotEncoder, numbers", make_pipeline(one_hot(handle_unknown="ignore"), logistic()), "counts", "two"
    yield "OrdinalEncoder", make_pipeline(ordinal(), linear_model.Ridge()), "words", "number"
    yield (
        "OrdinalEncoder, unknown",
        make_pipeline(
            ordinal(handle_unknown="use_encoded_value", unknown_value=-1),
            tree.DecisionTreeClassifier(random_state=SEED),
        ),
        "words",
        "three",
    )


def trees() -> Iterator[Entry]:
    for name in ("DecisionTreeClassifier", "ExtraTreeClassifier"):
        for target in ("two", "three", "labels"):
            yield f"{name}, {target}", getattr(tree, name)(max_depth=6, random_state=SEED), "matrix", target
    for name in ("DecisionTreeRegressor", "ExtraTreeRegressor"):
        for target in ("number", "numbers"):
            yield f"{name}, {target}", getattr(tree, name)(max_depth=6, random_state=SEED), "matrix", target
    yield "DecisionTreeClassifier, gaps", tree.DecisionTreeClassifier(random_state=SEED), "gaps", "three"


def forests() -> Iterator[Entry]:
    few: Any = {"n_estimators": 12, "random_state": SEED}
    for name in ("RandomForestClassifier", "ExtraTreesClassifier"):
        for target in ("two", "three"):
            yield f"{name}, {target}", getattr(ensemble, name)(**few), "matrix", target
    for name in ("RandomForestRegressor", "ExtraTreesRegressor"):
        for target in ("number", "numbers"):
            yield f"{name}, {target}", getattr(ensemble, name)(**few), "matrix", target
    yield "RandomForestClassifier, labels", ensemble.RandomForestClassifier(**few), "matrix", "labels"
    # Versions before 1.4 refuse gaps when they train: the corpus of 1.3 lacks this file.
    yield "RandomForestClassifier, gaps", ensemble.RandomForestClassifier(**few), "gaps", "two"
    yield "IsolationForest", ensemble.IsolationForest(**few), "matrix", ""
    yield "IsolationForest, contamination", ensemble.IsolationForest(contamination=0.1, **few), "matrix", ""
    embedding: Any = ensemble.RandomTreesEmbedding(10, random_state=SEED)
    yield "RandomTreesEmbedding", make_pipeline(embedding, linear_model.LogisticRegression()), "matrix", "three"


def gradient_boosting() -> Iterator[Entry]:
    few: Any = {"n_estimators": 12, "random_state": SEED}
    for target in ("two", "three"):
        yield f"GradientBoostingClassifier, {target}", ensemble.GradientBoostingClassifier(**few), "matrix", target
    yield (
        "GradientBoostingClassifier, exponential",
        ensemble.GradientBoostingClassifier(loss="exponential", **few),
        "matrix",
        "two",
    )
    for loss in ("squared_error", "huber", "quantile"):
        yield (
            f"GradientBoostingRegressor, {loss}",
            ensemble.GradientBoostingRegressor(loss=loss, **few),
            "matrix",
            "number",
        )
    yield (
        "GradientBoostingRegressor, init",
        ensemble.GradientBoostingRegressor(init=linear_model.Ridge(), **few),
        "matrix",
        "number",
    )
    yield (
        "GradientBoostingRegressor, init zero",
        ensemble.GradientBoostingRegressor(init="zero", **few),
        "matrix",
        "number",
    )


def histogram_gradient_boosting() -> Iterator[Entry]:
    few: Any = {"max_iter": 12, "min_samples_leaf": 8, "random_state": SEED}
    for kind in ("matrix", "gaps"):
        for target in ("two", "three"):
            found: Any = ensemble.HistGradientBoostingClassifier(**few)
            yield f"HistGradientBoostingClassifier, {kind}, {target}", found, kind, target
    found = ensemble.HistGradientBoostingClassifier(categorical_features=[1, 2], **few)
    yield "HistGradientBoostingClassifier, categories", found, "codes", "two"
    for loss, target in {"squared_error": "number", "poisson": "above zero", "gamma": "above zero"}.items():
        found = ensemble.HistGradientBoostingRegressor(loss=loss, **few)
        yield f"HistGradientBoostingRegressor, {loss}", found, "gaps", target
    found = ensemble.HistGradientBoostingRegressor(loss="quantile", quantile=0.8, **few)
    yield "HistGradientBoostingRegressor, quantile", found, "matrix", "number"


def support_vectors() -> Iterator[Entry]:
    for kernel in ("rbf", "linear", "poly", "sigmoid"):
        yield f"SVC, {kernel}", svm.SVC(kernel=kernel), "matrix", "three"
        yield f"SVR, {kernel}", svm.SVR(kernel=kernel), "matrix", "number"
    yield "SVC, two", svm.SVC(C=2), "matrix", "two"
    yield "SVC, ovo", svm.SVC(decision_function_shape="ovo"), "matrix", "three"
    for target in ("two", "three"):
        yield f"SVC, probability, {target}", svm.SVC(probability=True, random_state=SEED), "matrix", target
    yield "NuSVC", svm.NuSVC(nu=0.2), "matrix", "three"
    yield "NuSVR", svm.NuSVR(), "matrix", "number"
    yield "OneClassSVM", svm.OneClassSVM(), "matrix", ""


def nearest_neighbours() -> Iterator[Entry]:
    yield "KNeighborsClassifier", neighbors.KNeighborsClassifier(), "matrix", "three"
    yield "KNeighborsClassifier, brute", neighbors.KNeighborsClassifier(algorithm="brute"), "matrix", "three"
    found: Any = neighbors.KNeighborsRegressor(7, algorithm="brute", weights="distance")
    yield "KNeighborsRegressor, brute, distance", found, "matrix", "numbers"
    for metric in ("manhattan", "cosine"):
        found = neighbors.KNeighborsClassifier(algorithm="brute", metric=metric)
        yield f"KNeighborsClassifier, brute, {metric}", found, "matrix", "two"
    yield "KNeighborsClassifier, most", neighbors.KNeighborsClassifier(70, weights="distance"), "matrix", "three"
    yield "KNeighborsClassifier, distance", neighbors.KNeighborsClassifier(weights="distance"), "matrix", "two"
    yield "KNeighborsRegressor", neighbors.KNeighborsRegressor(), "matrix", "number"
    yield "KNeighborsRegressor, manhattan", neighbors.KNeighborsRegressor(3, p=1), "matrix", "number"
    cubes: Any = neighbors.KNeighborsClassifier(20, p=3, weights="distance")
    yield "KNeighborsClassifier, minkowski", cubes, "matrix", "three"


def naive_bayesian() -> Iterator[Entry]:
    yield "GaussianNB", naive_bayes.GaussianNB(), "matrix", "three"
    yield "BernoulliNB", naive_bayes.BernoulliNB(), "matrix", "three"
    yield "MultinomialNB", naive_bayes.MultinomialNB(), "positive", "three"
    yield "ComplementNB", naive_bayes.ComplementNB(), "positive", "three"
    yield "CategoricalNB", naive_bayes.CategoricalNB(min_categories=5), "counts", "three"


def neural_networks() -> Iterator[Entry]:
    small: Any = {"hidden_layer_sizes": (8, 5), "max_iter": 30, "random_state": SEED}
    for activation in ("relu", "tanh", "logistic", "identity"):
        found: Any = neural_network.MLPClassifier(activation=activation, **small)
        yield f"MLPClassifier, {activation}", found, "matrix", "three"
    yield "MLPClassifier, two", neural_network.MLPClassifier(**small), "matrix", "two"
    yield "MLPClassifier, labels", neural_network.MLPClassifier(**small), "matrix", "labels"
    yield "MLPRegressor", neural_network.MLPRegressor(**small), "matrix", "number"
    yield "MLPRegressor, outputs", neural_network.MLPRegressor(**small), "matrix", "numbers"
    scaled = make_pipeline(preprocessing.StandardScaler(), neural_network.MLPRegressor(**small))
    yield "StandardScaler, MLPRegressor", scaled, "matrix", "number"


def clusters() -> Iterator[Entry]:
    yield "KMeans", cluster.KMeans(4, n_init=3, random_state=SEED), "matrix", ""
    yield "MiniBatchKMeans", cluster.MiniBatchKMeans(4, n_init=3, random_state=SEED), "matrix", ""
    scaled = make_pipeline(preprocessing.StandardScaler(), cluster.KMeans(4, n_init=3, random_state=SEED))
    yield "StandardScaler, KMeans", scaled, "matrix", ""


def dummies() -> Iterator[Entry]:
    yield "DummyClassifier", dummy.DummyClassifier(), "matrix", "three"
    yield "DummyClassifier, most frequent", dummy.DummyClassifier(strategy="most_frequent"), "matrix", "two"
    yield "DummyRegressor", dummy.DummyRegressor(), "matrix", "number"
    yield "DummyRegressor, median", dummy.DummyRegressor(strategy="median"), "matrix", "numbers"


def rare() -> Iterator[Entry]:
    """Yield estimators that people do save, but seldom: not all have a family, and the share counts them."""
    yield "GaussianProcessRegressor", gaussian_process.GaussianProcessRegressor(), "matrix", "number"
    yield "PLSRegression", cross_decomposition.PLSRegression(), "matrix", "number"
    yield "PLSRegression, outputs", cross_decomposition.PLSRegression(), "matrix", "numbers"
    yield "RANSACRegressor", linear_model.RANSACRegressor(random_state=SEED), "matrix", "number"
    yield "KernelRidge", kernel_ridge.KernelRidge(kernel="rbf"), "matrix", "number"
    yield "KernelRidge, polynomial", kernel_ridge.KernelRidge(kernel="poly"), "matrix", "number"
    yield "GaussianMixture", mixture.GaussianMixture(2, random_state=SEED), "matrix", ""
    found = mixture.BayesianGaussianMixture(n_components=3, random_state=SEED)
    yield "BayesianGaussianMixture", found, "matrix", ""
    yield "NearestCentroid", neighbors.NearestCentroid(), "matrix", "three"
    yield "NearestCentroid, manhattan", neighbors.NearestCentroid(metric="manhattan"), "matrix", "two"
    yield (
        "SplineTransformer",
        make_pipeline(preprocessing.SplineTransformer(), linear_model.Ridge()),
        "matrix",
        "number",
    )
    yield "SplineTransformer, linear", preprocessing.SplineTransformer(4, extrapolation="linear"), "matrix", ""
    encoder = preprocessing.TargetEncoder(random_state=SEED)
    yield "TargetEncoder", make_pipeline(encoder, linear_model.LogisticRegression()), "words", "two"


GROUPS: Mapping[str, Callable[[], Iterator[Entry]]] = {
    "linear regression": linear_regression,
    "generalized linear models": generalized_linear,
    "logistic regression": logistic_regression,
    "trained on float32": single_precision,
    "linear classifiers, discriminant analysis": linear_classifiers,
    "scalers": scalers,
    "imputers": imputers,
    "polynomials, PCA, selection, bins": feature_steps,
    "one-hot and ordinal encoders": encoders,
    "trees": trees,
    "forests": forests,
    "gradient boosting": gradient_boosting,
    "histogram gradient boosting": histogram_gradient_boosting,
    "support vectors": support_vectors,
    "nearest neighbours": nearest_neighbours,
    "naive Bayes": naive_bayesian,
    "neural networks": neural_networks,
    "KMeans": clusters,
    "dummies": dummies,
    "rare estimators": rare,
}
