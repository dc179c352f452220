"""Tables and texts of models that were loaded as code are evaluated by the part, if that gives the same answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from server.inputs.named_table import NamedTable
from server.model.families.registry import part_of
from server.model.load_policy import LoadPolicy
from server.model.loader import load
from server.model.probe_rows import sent_rows_to_input
from server.model.table_evaluation import evaluated_estimator
from tests.unit.server.example_models import schema_of

FRAME = pd.DataFrame({"age": [20.0, 35.0, None, 61.0], "city": ["Rome", "Oslo", "Oslo", "Rome"], "n": [1, 5, 2, 9]})
TARGET = ["no", "yes", "no", "yes"]


def by_columns(last: Any, encoder: Any) -> Any:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(ColumnTransformer([("a", numbers, ["age", "n"]), ("b", encoder, ["city"])]), last)


TABLES = {
    "logistic": by_columns(LogisticRegression(), OneHotEncoder(handle_unknown="ignore")),
    "unknown categories are refused": by_columns(LogisticRegression(), OneHotEncoder()),
    "boosting": by_columns(HistGradientBoostingClassifier(min_samples_leaf=1, max_iter=5), OrdinalEncoder()),
}


@pytest.mark.parametrize("name", TABLES)
def test_evaluated_estimator_of_a_known_table_model_gives_its_answers(name: str) -> None:
    model = TABLES[name].fit(FRAME, TARGET)
    schema = schema_of(model)
    evaluated = evaluated_estimator(model, schema)
    assert evaluated is not None
    row = [{"age": 30, "city": "Oslo", "n": 3}]
    table = sent_rows_to_input(row, replace(schema, named_table=True), "data")
    assert isinstance(table, NamedTable)
    np.testing.assert_array_equal(evaluated.predict_proba(table), model.predict_proba(pd.DataFrame(row)), strict=True)


def test_evaluated_estimator_of_a_text_model_gives_its_answers() -> None:
    texts = np.array(["a late parcel", "thanks, great", "late again", "great price"], dtype=object)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, TARGET)
    evaluated = evaluated_estimator(model, schema_of(model))
    assert evaluated is not None
    np.testing.assert_array_equal(evaluated.predict_proba(texts), model.predict_proba(texts), strict=True)


def test_evaluated_estimator_of_a_model_with_an_unknown_part_is_none() -> None:
    model = make_pipeline(FunctionTransformer(lambda X: X[["age", "n"]]), SimpleImputer(), LogisticRegression())
    model.fit(FRAME, TARGET)
    assert evaluated_estimator(model, schema_of(model)) is None


def test_evaluated_estimator_of_a_matrix_model_is_none() -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    assert evaluated_estimator(model, schema_of(model)) is None


@pytest.mark.parametrize("wrong", [lambda answer: answer + 1e-16, lambda answer: answer.no_such_attribute])
def test_evaluated_estimator_whose_answers_differ_is_none(wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TABLES["logistic"].fit(FRAME, TARGET)
    part = part_of(model)
    exact = part.methods["predict_proba"]
    spoiled = replace(part, methods={**part.methods, "predict_proba": lambda X: wrong(exact(X))})
    monkeypatch.setattr("server.model.table_evaluation.part_of", lambda _: spoiled)
    assert evaluated_estimator(model, schema_of(model)) is None


@pytest.mark.parametrize("direct", [True, False])
def test_load_as_code_evaluates_a_table_directly_unless_that_is_switched_off(tmp_path: Path, *, direct: bool) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(TABLES["logistic"].fit(FRAME, TARGET), path)
    model = load(path, policy=LoadPolicy.CODE, direct=direct)
    assert model.loaded == "code"
    assert model.schema.named_table is direct
    assert (model.methods["predict"].direct is not None) is direct
    X = sent_rows_to_input([{"age": 30, "city": "Oslo", "n": 3}], model.schema, "data")
    assert model.methods["predict"].call(X).tolist() == ["no"]
