"""Base and contributions add up to the model's own score, whichever way the file was loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from server.inputs.json_rows import rows_to_input
from server.model.explanation import explainer as explainer_module
from server.model.explanation.additive import LINEAR, TREES
from server.model.explanation.explainer import Explainer, Explanation
from server.model.explanation.unexplained import UnexplainedError
from server.model.families.registry import KNOWN
from server.model.introspection import inspect_estimator
from server.model.pickledata.files import read
from server.model.pickledata.records import name_of
from tests.unit.server.example_models import schema_of
from tests.unit.server.fitted_models import DIRECT, OTHERS, SCORE, TARGETS, THREE, TWO, X, fitted

MODELS = {**DIRECT, **OTHERS}
SUMS = [name for name, (model, target) in MODELS.items() if target != "numbers" and name_of(model) in {*LINEAR, *TREES}]


def explained(model: Any, rows: Any, labels: Any) -> list[Explanation]:
    found = Explainer(model, inspect_estimator(model))
    return [found.explain(rows, row, label) for row, label in enumerate(labels)]


def recorded(model: Any, folder: Path) -> Any:
    """Return the record of a model's file."""
    joblib.dump(model, folder / "model.joblib")
    return read(folder / "model.joblib")


def own_score(model: Any, rows: Any, each: Explanation, row: int) -> float:
    """Return the number that the explanation is of, by scikit-learn."""
    if each.label is None:
        return float(model.predict(rows)[row])
    if each.of == "the probability":
        return float(model.predict_proba(rows)[row][list(model.classes_).index(each.label)])
    scores = model.decision_function(rows)[row]
    return float(scores if np.ndim(scores) == 0 else scores[list(model.classes_).index(each.label)])


@pytest.mark.parametrize("name", SUMS)
def test_explain_adds_up_to_the_score_of_the_predicted_class(name: str) -> None:
    model = fitted(name)
    for row, each in enumerate(explained(model, X, model.predict(X[:5]))):
        total = each.base + sum(part.contribution for part in each.contributions) + each.others
        scale = 1 + abs(each.base) + sum(abs(part.contribution) for part in each.contributions)
        assert total == pytest.approx(each.score, abs=1e-9 * scale)
        assert each.score == pytest.approx(own_score(model, X, each, row), abs=1e-9 * scale)


def test_sums_are_of_every_kind_of_trees_and_many_linear_ones() -> None:
    """tests/integration/test_library_families.py explains those of other libraries."""
    own = {name for name in TREES if name.startswith("sklearn.")}
    assert {name_of(MODELS[name][0]) for name in SUMS} >= own
    assert len(SUMS) > 30
    assert set(LINEAR) | set(TREES) <= set(KNOWN)


def test_explain_a_model_of_two_classes_is_of_the_second() -> None:
    model = LogisticRegression().fit(X, TWO)
    for each in explained(model, X, model.predict(X[:5])):
        assert (each.of, each.label) == ("the score", "yes")


def test_explain_a_linear_model_gives_coefficient_times_value() -> None:
    model = LinearRegression().fit(X, SCORE)
    (each,) = explained(model, X[:1], [0.0])
    assert each.base == pytest.approx(model.intercept_)
    found = {part.feature: (part.value, part.contribution) for part in each.contributions}
    assert found["x1"] == (X[0, 1], pytest.approx(model.coef_[1] * X[0, 1]))


def test_explain_after_a_scaler_has_no_contribution_at_the_mean() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, TWO)
    mean = X.mean(axis=0, keepdims=True)
    (each,) = explained(model, mean, model.predict(mean))
    assert all(abs(part.contribution) < 1e-9 for part in each.contributions)
    assert each.score == pytest.approx(each.base)


def test_explain_a_log_link_is_of_the_logarithm() -> None:
    model = PoissonRegressor().fit(X[:, :2], np.exp(X[:, 0] / 3))
    (each,) = explained(model, X[:1, :2], [0.0])
    assert each.of == "the logarithm of the prediction"
    assert np.exp(each.score) == pytest.approx(model.predict(X[:1, :2])[0])


FRAME = pd.DataFrame(
    {"city": ["Rome", "Oslo", "Bonn", "Rome"] * 10, "age": [20.0, 31.0, np.nan, 54.0] * 10, "note": ["a"] * 40}
)
COLUMNS = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["city"]),
    (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
)


@pytest.mark.parametrize("last", [LogisticRegression(), GradientBoostingClassifier(n_estimators=5)], ids=repr)
@pytest.mark.parametrize("as_data", [True, False])
def test_explain_columns_of_categories_are_one_feature_each(last: Any, as_data: bool, tmp_path: Path) -> None:
    model = make_pipeline(COLUMNS, last).fit(FRAME, [0, 1, 1, 0] * 10)
    schema = schema_of(model)
    named = rows_to_input(
        [{"city": "Oslo", "age": 31.0}, {"city": "Rome", "age": None}],
        replace(schema, named_table=True),
        "data",
        no_strings=False,
    )
    found = Explainer(recorded(model, tmp_path) if as_data else model, schema)
    for row, label in enumerate(model.predict(FRAME.iloc[[1, 2]])):
        each = found.explain(named, row, label)
        assert {part.feature for part in each.contributions} <= {"city", "age"}
        assert each.base + sum(part.contribution for part in each.contributions) == pytest.approx(each.score)
    assert "Oslo" in [part.value for part in found.explain(named, 0, 1).contributions]


def test_explain_a_table_of_categories_behind_boostings_own_preprocessor() -> None:
    frame = pd.DataFrame({"age": np.arange(80.0), "city": pd.Categorical(["Rome", "Oslo"] * 40)})
    target = ((frame["city"] == "Rome") & (frame["age"] > 40)).astype(int)
    model = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=2).fit(frame, target)
    schema = schema_of(model)
    rows = rows_to_input([{"age": 60.0, "city": "Rome"}], replace(schema, named_table=True), "data", no_strings=False)
    each = Explainer(model, schema).explain(rows, 0, 1)
    values = {part.feature: (part.value, part.contribution > 0) for part in each.contributions}
    assert values == {"age": (60.0, True), "city": ("Rome", True)}
    assert each.score == pytest.approx(model.decision_function(frame.iloc[[60]])[0])


def test_explain_texts_gives_words() -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(
        ["a good day", "a bad day", "so good", "so bad"], ["yes", "no", "yes", "no"]
    )
    texts = np.array(["good good day unheard"], object)
    each = Explainer(model, schema_of(model)).explain(texts, 0, "yes")
    assert [part.feature for part in each.contributions] == ["good", "day"]
    assert each.contributions[0].contribution > 0


def test_explain_dicts_gives_keys() -> None:
    rows = [{"city": "Rome", "temp": 21.5}, {"city": "Oslo", "temp": 4.0}]
    model = make_pipeline(DictVectorizer(), LogisticRegression()).fit(rows * 10, ["yes", "no"] * 10)
    each = Explainer(model, schema_of(model)).explain(rows, 1, "no")
    assert {part.feature: part.value for part in each.contributions} == {"city": "Oslo", "temp": 4.0}


def test_explain_after_a_selector_names_the_columns_that_it_keeps() -> None:
    model = make_pipeline(SelectKBest(k=2), DecisionTreeClassifier(random_state=0)).fit(X, TWO)
    kept = {f"x{at}" for at in model[0].get_support(indices=True)}
    for each in explained(model, X, model.predict(X[:5])):
        assert {part.feature for part in each.contributions} <= kept


def test_explain_many_features_lists_the_largest_and_adds_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explainer_module, "MAX_CONTRIBUTIONS", 2)
    model = LinearRegression().fit(X, SCORE)
    (each,) = explained(model, X[:1], [0.0])
    assert (len(each.contributions), each.unlisted) == (2, 3)
    assert each.base + sum(part.contribution for part in each.contributions) + each.others == pytest.approx(each.score)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (SVC().fit(X, TWO), r"no sum of one part for each feature \(SVC\)"),
        (make_pipeline(PCA(2), LogisticRegression()).fit(X, TWO), "its step PCA mixes features, or may"),
        (
            make_pipeline(FunctionTransformer(np.abs), LogisticRegression()).fit(X, TWO),
            "step FunctionTransformer mixes",
        ),
        (
            make_pipeline(SimpleImputer(add_indicator=True), LogisticRegression()).fit(X, TWO),
            "SimpleImputer is not known",
        ),
        (LinearRegression().fit(X, TARGETS["numbers"]), "it predicts several values"),
        (DecisionTreeClassifier().fit(X, np.c_[TWO, THREE]), "it predicts several values"),
        (GradientBoostingClassifier(n_estimators=2, init=DecisionTreeClassifier()).fit(X, TWO), "with this init_"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_explainer_of_what_is_no_sum_is_refused_in_words(model: Any, reason: str) -> None:
    with pytest.raises(UnexplainedError, match=f"^this model's answers cannot be explained: .*{reason}"):
        Explainer(model, inspect_estimator(model))


def test_explain_a_sum_that_does_not_add_up_is_refused() -> None:
    model = LogisticRegression().fit(X, TWO)
    found = Explainer(model, inspect_estimator(model))
    object.__setattr__(found._last, "scores", lambda _: np.array([1e6]))
    with pytest.raises(UnexplainedError, match="do not add up"):
        found.explain(X, 0, "yes")
