"""The corpus' models of several estimators, for every version from 1.3 on: tables, texts, ensembles, searches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from sklearn import (
    calibration,
    ensemble,
    linear_model,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    preprocessing,
    svm,
    tree,
)
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from tests.corpus.estimators import SEED, Entry

NUMBERS = ["age", "income", "height", "visits"]
CATEGORIES = ["city", "size"]


def usual_columns(numbers: Any = None, categories: Any = None, **options: Any) -> ColumnTransformer:
    """Return the steps before most models of tables."""
    numbers = numbers or make_pipeline(SimpleImputer(), preprocessing.StandardScaler())
    categories = categories or preprocessing.OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer([("numbers", numbers, NUMBERS), ("categories", categories, CATEGORIES)], **options)


def tables() -> Iterator[Entry]:
    few: Any = {"n_estimators": 12, "random_state": SEED}
    models: dict[str, tuple[Any, str]] = {
        "LogisticRegression": (linear_model.LogisticRegression(), "two"),
        "LogisticRegression, three": (linear_model.LogisticRegression(), "three"),
        "RandomForestClassifier": (ensemble.RandomForestClassifier(**few), "three"),
        "GradientBoostingRegressor": (ensemble.GradientBoostingRegressor(**few), "number"),
        "Ridge": (linear_model.Ridge(), "number"),
        "LinearRegression": (linear_model.LinearRegression(), "number"),
        "SGDClassifier": (linear_model.SGDClassifier(loss="log_loss", random_state=SEED), "two"),
        "KNeighborsClassifier": (neighbors.KNeighborsClassifier(), "three"),
    }
    for name, (model, target) in models.items():
        yield f"table, {name}", make_pipeline(usual_columns(), model), "table", target
    gaps = make_pipeline(SimpleImputer(strategy="most_frequent"), preprocessing.OneHotEncoder(handle_unknown="ignore"))
    found = make_pipeline(usual_columns(categories=gaps), linear_model.LogisticRegression())
    yield "table, gaps in both", found, "table with gaps", "two"
    found = make_pipeline(usual_columns(sparse_threshold=0), svm.SVC())
    yield "table, SVC", found, "table", "three"
    dense = preprocessing.OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    found = make_pipeline(usual_columns(categories=dense), ensemble.HistGradientBoostingClassifier(max_iter=12))
    yield "table, HistGradientBoostingClassifier", found, "table", "two"
    found = make_pipeline(usual_columns(categories=dense, remainder="drop").set_params(sparse_threshold=1.0), PCA(3))
    yield "table, PCA", found, "table", ""


def more_tables() -> Iterator[Entry]:
    ordinal = preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    histogram: Any = ensemble.HistGradientBoostingRegressor(max_iter=12, random_state=SEED)
    columns = [("categories", ordinal, CATEGORIES), ("note", "drop", ["note"])]
    found: Any = make_pipeline(ColumnTransformer(columns, remainder="passthrough"), histogram)
    yield "table, ordinal, the rest passed", found, "table with gaps", "number"
    columns = [
        ("scaled", preprocessing.StandardScaler(), [0, 1]),
        ("bounded", preprocessing.MinMaxScaler(), slice(2, 5)),
    ]
    found = make_pipeline(ColumnTransformer(columns), linear_model.LogisticRegression())
    yield "matrix, columns by number", found, "matrix", "two"
    columns = [("numbers", preprocessing.StandardScaler(), make_column_selector(dtype_include="number"))]
    found = make_pipeline(ColumnTransformer(columns), ensemble.RandomForestRegressor(12, random_state=SEED))
    yield "table, columns by type", found, "table", "number"
    columns = [("note", TfidfVectorizer(), "note"), ("numbers", preprocessing.StandardScaler(), NUMBERS)]
    found = make_pipeline(ColumnTransformer(columns), linear_model.LogisticRegression())
    yield "table, texts and numbers", found, "table", "two"
    columns = [("categories", preprocessing.OneHotEncoder(drop="first"), CATEGORIES)]
    found = make_pipeline(ColumnTransformer(columns, verbose_feature_names_out=False), linear_model.Ridge())
    yield "table, unknown categories refused", found, "table", "number"
    columns = [("categories", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["visits", "city"])]
    found = make_pipeline(ColumnTransformer(columns), linear_model.LogisticRegression())
    yield "table, categories that are numbers", found, "table", "two"
    bins = make_pipeline(SimpleImputer(), preprocessing.KBinsDiscretizer(4, encode="ordinal", subsample=None))
    found = make_pipeline(usual_columns(numbers=bins), linear_model.LogisticRegression())
    yield "table, bins", found, "table", "two"
    found = make_pipeline(usual_columns(numbers=preprocessing.RobustScaler()), linear_model.Lasso(0.1))
    found = TransformedTargetRegressor(found, func=np.log1p, inverse_func=np.expm1)
    yield "table, logarithm of the target", found, "table", "above zero"
    found = Pipeline([("columns", usual_columns()), ("model", linear_model.LogisticRegression())])
    found = model_selection.GridSearchCV(found, {"model__C": [0.1, 1.0]}, cv=3)
    yield "table, GridSearchCV", found, "table", "three"
    pair = [("forest", tree.DecisionTreeClassifier(max_depth=3)), ("linear", linear_model.LogisticRegression())]
    found = make_pipeline(usual_columns(), ensemble.VotingClassifier(pair, voting="soft"))
    yield "table, VotingClassifier", found, "table", "two"


def tables_of_numbers() -> Iterator[Entry]:
    """Yield models of DataFrames that need no ColumnTransformer."""
    found: Any = linear_model.LogisticRegression()
    yield "table of numbers, LogisticRegression", found, "table of numbers", "three"
    found = make_pipeline(preprocessing.StandardScaler(), ensemble.RandomForestClassifier(12, random_state=SEED))
    yield "table of numbers, RandomForestClassifier", found, "table of numbers", "two"
    found = ensemble.HistGradientBoostingRegressor(max_iter=12, random_state=SEED)
    yield "table of numbers, HistGradientBoostingRegressor", found, "table of numbers", "number"


def unions() -> Iterator[Entry]:
    both = FeatureUnion([("scaled", preprocessing.StandardScaler()), ("components", PCA(3))])
    yield "FeatureUnion", make_pipeline(both, linear_model.LogisticRegression()), "matrix", "two"
    both = FeatureUnion(
        [("scaled", preprocessing.MinMaxScaler()), ("components", PCA(2))], transformer_weights={"scaled": 3.0}
    )
    yield "FeatureUnion, weights", make_pipeline(both, linear_model.Ridge()), "matrix", "number"
    steps = [("scale", "passthrough"), ("model", linear_model.Ridge())]
    yield "Pipeline, passthrough", Pipeline(steps), "matrix", "number"


def texts() -> Iterator[Entry]:
    logistic: Any = linear_model.LogisticRegression
    models: dict[str, tuple[Any, Any]] = {
        "tf-idf, LogisticRegression": (TfidfVectorizer(), logistic()),
        "tf-idf, pairs of words": (TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), logistic()),
        "tf-idf, letters": (TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3)), svm.LinearSVC(random_state=SEED)),
        "tf-idf, SGDClassifier": (TfidfVectorizer(stop_words="english", strip_accents="unicode"),
                                  linear_model.SGDClassifier(random_state=SEED)),
        "tf-idf, RandomForestClassifier": (TfidfVectorizer(max_features=9),
                                           ensemble.RandomForestClassifier(12, random_state=SEED)),
        "counts, MultinomialNB": (CountVectorizer(), naive_bayes.MultinomialNB()),
        "counts, ComplementNB": (CountVectorizer(lowercase=False), naive_bayes.ComplementNB()),
        "counts, BernoulliNB": (CountVectorizer(binary=True), naive_bayes.BernoulliNB()),
        "counts, LogisticRegression": (CountVectorizer(token_pattern=r"\w+", dtype=np.float64), logistic()),
        "hashes, SGDClassifier": (HashingVectorizer(n_features=64), linear_model.SGDClassifier(random_state=SEED)),
        "tf-idf, MultinomialNB": (TfidfVectorizer(), naive_bayes.MultinomialNB()),
    }  # fmt: skip
    for name, (vectors, model) in models.items():
        yield name, make_pipeline(vectors, model), "texts", "three"
    yield "counts, TfidfTransformer", make_pipeline(CountVectorizer(), TfidfTransformer(), logistic()), "texts", "two"
    yield "tf-idf, SelectKBest", make_pipeline(TfidfVectorizer(), SelectKBest(chi2, k=5), logistic()), "texts", "two"
    components = TruncatedSVD(3, random_state=SEED)
    yield "tf-idf, TruncatedSVD", make_pipeline(TfidfVectorizer(), components, logistic()), "texts", "two"
    both = FeatureUnion([("words", TfidfVectorizer()), ("letters", TfidfVectorizer(analyzer="char"))])
    yield "tf-idf, words and letters", make_pipeline(both, logistic()), "texts", "two"
    found = Pipeline([("words", TfidfVectorizer()), ("model", logistic())])
    yield "tf-idf, GridSearchCV", model_selection.GridSearchCV(found, {"model__C": [0.1, 1.0]}, cv=3), "texts", "two"


def ensembles() -> Iterator[Entry]:
    few: Any = {"n_estimators": 6, "random_state": SEED}
    logistic: Any = linear_model.LogisticRegression
    pair = [("linear", logistic()), ("bayes", naive_bayes.GaussianNB())]
    regressors = [
        ("linear", linear_model.Ridge()),
        ("tree", tree.DecisionTreeRegressor(max_depth=3, random_state=SEED)),
    ]
    for target in ("two", "three"):
        yield f"AdaBoostClassifier, {target}", ensemble.AdaBoostClassifier(**few), "matrix", target
        yield f"VotingClassifier, hard, {target}", ensemble.VotingClassifier(pair), "matrix", target
        yield f"VotingClassifier, soft, {target}", ensemble.VotingClassifier(pair, voting="soft"), "matrix", target
        yield f"StackingClassifier, {target}", ensemble.StackingClassifier(pair, cv=3), "matrix", target
    yield "BaggingClassifier", ensemble.BaggingClassifier(**few), "matrix", "three"
    yield (
        "BaggingClassifier, LogisticRegression",
        ensemble.BaggingClassifier(logistic(), max_features=0.6, **few),
        "matrix",
        "two",
    )
    yield "AdaBoostRegressor", ensemble.AdaBoostRegressor(**few), "matrix", "number"
    yield "BaggingRegressor", ensemble.BaggingRegressor(**few), "matrix", "number"
    yield "VotingRegressor", ensemble.VotingRegressor(regressors), "matrix", "number"
    yield "StackingRegressor", ensemble.StackingRegressor(regressors, cv=3, passthrough=True), "matrix", "number"


def around_one() -> Iterator[Entry]:
    """Yield estimators around one or several others of the same kind."""
    logistic: Any = linear_model.LogisticRegression
    for name, target in {"sigmoid": "two", "isotonic": "three"}.items():
        found: Any = calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=SEED), method=name, cv=3)
        yield f"CalibratedClassifierCV, {name}", found, "matrix", target
    found = calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), ensemble=False, cv=3)
    yield "CalibratedClassifierCV, not an ensemble", found, "matrix", "three"
    yield "OneVsRestClassifier", multiclass.OneVsRestClassifier(logistic()), "matrix", "three"
    yield "OneVsRestClassifier, labels", multiclass.OneVsRestClassifier(logistic()), "matrix", "labels"
    yield "OneVsOneClassifier", multiclass.OneVsOneClassifier(svm.LinearSVC(random_state=SEED)), "matrix", "three"
    found = multiclass.OutputCodeClassifier(logistic(), code_size=3, random_state=SEED)
    yield "OutputCodeClassifier", found, "matrix", "three"
    yield "MultiOutputRegressor", multioutput.MultiOutputRegressor(linear_model.Ridge()), "matrix", "numbers"
    yield "MultiOutputClassifier", multioutput.MultiOutputClassifier(logistic()), "matrix", "labels"
    found = TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.StandardScaler())
    yield "TransformedTargetRegressor", found, "matrix", "number"


def searches() -> Iterator[Entry]:
    steps = Pipeline([("scale", preprocessing.StandardScaler()), ("model", linear_model.LogisticRegression())])
    yield "GridSearchCV", model_selection.GridSearchCV(steps, {"model__C": [0.1, 1.0]}, cv=3), "matrix", "three"
    forest = ensemble.RandomForestRegressor(8, random_state=SEED)
    found = model_selection.RandomizedSearchCV(forest, {"max_depth": [2, 3]}, n_iter=2, cv=3, random_state=SEED)
    yield "RandomizedSearchCV", found, "matrix", "number"
    found = model_selection.GridSearchCV(svm.SVC(), {"C": [0.1, 1.0], "kernel": ["rbf", "linear"]}, cv=3)
    yield "GridSearchCV, SVC", found, "matrix", "two"


GROUPS: Mapping[str, Callable[[], Iterator[Entry]]] = {
    "tables with named columns": lambda: (
        entry for part in (tables, more_tables, tables_of_numbers) for entry in part()
    ),
    "pipelines and unions": unions,
    "texts": texts,
    "ensembles": ensembles,
    "calibrated, one-vs-rest, several outputs": around_one,
    "searches": searches,
}
