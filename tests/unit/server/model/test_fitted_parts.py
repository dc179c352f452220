"""What each kind of fitted part says of the input, in each place that a pipeline or an ensemble may have it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from server.model.introspection import inspect_estimator
from server.schema import Evidence, InputForm, Kind, Schema

NUMBER, INTEGER, STRING, ANY = Kind.NUMBER, Kind.INTEGER, Kind.STRING, Kind.ANY
MATRIX, DATAFRAME, OBJECTS, AS_SENT = InputForm.MATRIX, InputForm.DATAFRAME, InputForm.OBJECTS, InputForm.AS_SENT
TEXTS, DICTS, TOKENS = InputForm.TEXTS, InputForm.DICTS, InputForm.TOKENS

ROWS = 40
Y = np.array([0, 1] * (ROWS // 2))
FRAME = pd.DataFrame(
    {
        "city": ["Rome", "Oslo"] * (ROWS // 2),
        "fare": np.linspace(0.0, 1.0, ROWS),
        "note": [f"note {index}" for index in range(ROWS)],
    }
)
ENCODE = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["fare"]))
ENCODED = make_pipeline(ENCODE, LogisticRegression())
NAMES = ("city", "fare", "note")


def upper(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(city=frame["city"].str.upper())


def fitted(model: Any, X: Any, y: Any = Y) -> Schema:
    return inspect_estimator(model.fit(X, y))


@pytest.mark.parametrize(
    "model",
    [
        ENCODED,
        make_pipeline("passthrough", ENCODED),
        make_pipeline(FunctionTransformer(), ENCODED),
        GridSearchCV(ENCODED, {"logisticregression__C": [1]}, cv=2),
        CalibratedClassifierCV(ENCODED, cv=2),
        TunedThresholdClassifierCV(ENCODED, cv=2),
        OneVsRestClassifier(ENCODED),
        VotingClassifier([("a", ENCODED), ("b", ENCODED)]),
        StackingClassifier([("a", ENCODED)], LogisticRegression(), cv=2),
        TransformedTargetRegressor(make_pipeline(ENCODE, LinearRegression())),
    ],
)
def test_inspect_estimator_sees_the_encoder_inside_of_whatever_passes_the_input_on(model: Any) -> None:
    schema = fitted(model, FRAME)
    assert (schema.form, schema.names, schema.kinds[:2]) == (DATAFRAME, NAMES, (STRING, NUMBER))
    assert (schema.example_row[:2], schema.unused) == (("Oslo", 0.0), {"note"})
    assert schema.ignores_extra_columns
    assert schema.evidence is Evidence.FITTED_PARTS


def test_inspect_estimator_sees_the_encoder_inside_of_many_outputs_and_of_a_frozen_estimator() -> None:
    many = fitted(MultiOutputClassifier(ENCODED), FRAME, np.c_[Y, 1 - Y])
    frozen = inspect_estimator(FrozenEstimator(ENCODED.fit(FRAME, Y)))
    assert many.kinds[:2] == frozen.kinds[:2] == (STRING, NUMBER)


@pytest.mark.parametrize(
    ("transformers", "kinds", "unused"),
    [
        ([("a", OneHotEncoder(), ["city"])], (STRING, ANY, ANY), {"fare", "note"}),
        ([("a", OneHotEncoder(), [0])], (STRING, ANY, ANY), {"fare", "note"}),
        ([("a", OneHotEncoder(), slice(0, 1))], (STRING, ANY, ANY), {"fare", "note"}),
        ([("a", OneHotEncoder(), slice("city", "city"))], (STRING, ANY, ANY), {"fare", "note"}),
        ([("a", OneHotEncoder(), [True, False, False])], (STRING, ANY, ANY), {"fare", "note"}),
        ([("a", OneHotEncoder(), ["city"]), ("b", "drop", ["note"])], (STRING, ANY, ANY), {"fare", "note"}),
        ([("a", OneHotEncoder(), ["city"]), ("b", "passthrough", ["fare"])], (STRING, NUMBER, ANY), {"note"}),
        ([("a", CountVectorizer(), "note")], (ANY, ANY, STRING), {"city", "fare"}),
        ([("a", StandardScaler(), make_column_selector(dtype_include=float))], (ANY, NUMBER, ANY), {"city", "note"}),
        ([("a", FunctionTransformer(np.log1p), ["fare"])], (ANY, NUMBER, ANY), {"city", "note"}),
        ([("a", FunctionTransformer(lambda rows: rows * 2), ["fare"])], (ANY, ANY, ANY), {"city", "note"}),
        ([("a", OneHotEncoder(), make_column_selector("absent")), ("b", StandardScaler(), ["fare"])], None, None),
    ],
)
def test_inspect_estimator_reads_each_selection_of_columns(
    transformers: Any, kinds: tuple[Kind, ...] | None, unused: set[str] | None
) -> None:
    schema = fitted(make_pipeline(ColumnTransformer(transformers), LogisticRegression()), FRAME)
    assert schema.form is DATAFRAME
    assert schema.kinds == (kinds or (ANY, NUMBER, ANY))
    assert schema.unused == (unused or {"city", "note"})


def test_inspect_estimator_of_a_remainder_that_passes_through_drops_nothing() -> None:
    columns = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    schema = fitted(make_pipeline(columns, LogisticRegression()), FRAME[["city", "fare"]])
    assert (schema.kinds, schema.unused) == ((STRING, NUMBER), frozenset())
    assert not schema.ignores_extra_columns


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder(), TargetEncoder(cv=2)])
@pytest.mark.parametrize(
    ("values", "form", "dtype", "kinds", "example"),
    [
        (np.array([[2**53 + 1], [2**53 + 3]]), MATRIX, "int64", (), 2**53 + 1),
        (np.array([[1.5], [2.5]]), MATRIX, "float64", (), 1.5),
        (np.array([[True], [False]]), MATRIX, "float64", (), False),
        (np.array([["x"], ["y"]]), OBJECTS, "float64", (STRING,), "x"),
        (np.array([["x"], ["y"]], dtype=object), OBJECTS, "float64", (STRING,), "x"),
        (pd.DataFrame({"a": [7, 8]}), MATRIX, "int64", (), 7),
        (pd.DataFrame({"a": ["x", "y"]}), DATAFRAME, "float64", (STRING,), "x"),
    ],
)
def test_inspect_estimator_of_encoders_takes_the_type_of_their_categories(
    encoder: Any, values: Any, form: InputForm, dtype: str, kinds: tuple[Kind, ...], example: Any
) -> None:
    rows = pd.concat([values] * 20) if isinstance(values, pd.DataFrame) else np.tile(values, (20, 1))
    schema = fitted(make_pipeline(encoder, LogisticRegression()), rows)
    assert (schema.form, schema.dtype, schema.kinds) == (form, dtype, kinds)
    assert schema.example_row == (example,)


def test_inspect_estimator_of_dates_takes_iso_8601() -> None:
    frame = pd.DataFrame({"when": pd.to_datetime(["2026-01-01", "2026-01-02"] * 20).astype("datetime64[us]")})
    columns = make_column_transformer((OneHotEncoder(), ["when"]))
    schema = fitted(make_pipeline(columns, LogisticRegression()), frame)
    assert (schema.kinds, schema.dtypes) == ((Kind.DATETIME,), ("datetime64[us]",))
    assert schema.example_row == ("2026-01-01T00:00:00",)


@pytest.mark.parametrize(("missing", "none"), [(None, {"a"}), (np.nan, set())])
def test_inspect_estimator_knows_what_stood_for_a_missing_string(missing: Any, none: set[str]) -> None:
    frame = pd.DataFrame({"a": pd.Series(["x", missing] * 20, dtype=object)})
    schema = fitted(make_pipeline(OneHotEncoder(), LogisticRegression()), frame)
    assert (schema.null_is_none, schema.example_row) == (none, ("x",))
    imputer = SimpleImputer(strategy="most_frequent", missing_values=missing)
    assert fitted(make_pipeline(imputer, OneHotEncoder(), LogisticRegression()), frame).null_is_none == none


@pytest.mark.parametrize("inside", [lambda model: model, lambda model: make_pipeline("passthrough", model)])
def test_inspect_estimator_of_histogram_boosting_has_the_categories_of_its_columns(inside: Any) -> None:
    frame = pd.DataFrame({"n": np.linspace(0, 1, ROWS), "size": pd.Categorical(["S", "L"] * 20)})
    schema = fitted(inside(HistGradientBoostingClassifier(max_iter=1)), frame)
    assert (schema.form, schema.kinds, schema.dtypes) == (DATAFRAME, (NUMBER, STRING), ("", "category"))
    assert (schema.categories, schema.example_row) == (((), ("L", "S")), (0.0, "L"))


@pytest.mark.parametrize("named", [True, False])
def test_inspect_estimator_of_histogram_boosting_of_numbers_is_a_matrix(named: bool) -> None:
    rows: Any = np.c_[np.linspace(0, 1, ROWS), Y]
    rows = pd.DataFrame(rows, columns=["a", "b"]) if named else rows
    for mask in (None, [1]):
        assert fitted(HistGradientBoostingClassifier(max_iter=1, categorical_features=mask), rows).form is MATRIX


WORDS = ["good day", "bad day"] * 20
LISTS = [["good", "day"], ["bad", "day"]] * 20
MAPS = [{"city": "Rome", "age": 3.0}, {"city": "Oslo", "age": 4.0}] * 20


def same(document: Any) -> Any:
    return document


@pytest.mark.parametrize(
    ("first", "rows", "form", "example"),
    [
        (CountVectorizer(), WORDS, TEXTS, "some text"),
        (TfidfVectorizer(analyzer="char"), WORDS, TEXTS, "some text"),
        (HashingVectorizer(n_features=8), WORDS, TEXTS, "some text"),
        (make_union(CountVectorizer(), TfidfVectorizer()), WORDS, TEXTS, "some text"),
        (FeatureUnion([("a", CountVectorizer())]), WORDS, TEXTS, "some text"),
        (CountVectorizer(analyzer=str.split), WORDS, TEXTS, "some text"),
        (CountVectorizer(tokenizer=str.split, token_pattern=None), WORDS, TEXTS, "some text"),
        (CountVectorizer(analyzer=same), LISTS, TOKENS, ["some", "text"]),
        (TfidfVectorizer(tokenizer=same, preprocessor=same, token_pattern=None), LISTS, TOKENS, ["some", "text"]),
        (FeatureHasher(8, input_type="string"), LISTS, TOKENS, ["some", "text"]),
        (FeatureHasher(8), MAPS, DICTS, {"feature": 1.0}),
        (DictVectorizer(), MAPS, DICTS, {"age": 0.0}),
    ],
)
def test_inspect_estimator_of_rows_that_are_no_table_has_their_form(
    first: Any, rows: Any, form: InputForm, example: Any
) -> None:
    schema = fitted(make_pipeline(first, LogisticRegression()), rows)
    assert (schema.form, schema.example_row, schema.evidence) == (form, (example,), Evidence.FITTED_PARTS)


def test_inspect_estimator_of_a_function_over_texts_takes_texts() -> None:
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    assert fitted(make_pipeline(lower, CountVectorizer(), LogisticRegression()), WORDS).form is TEXTS


class Own(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer that says nothing of its input."""

    def fit(self, X: Any, y: Any = None) -> Own:
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X)[:, :1]

    def __sklearn_is_fitted__(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("model", "rows", "form", "evidence"),
    [
        (make_pipeline(Own(), LogisticRegression()), FRAME[["fare"]], AS_SENT, Evidence.NOTHING),
        (DummyClassifier(), FRAME, DATAFRAME, Evidence.FITTED_PARTS),
        (make_pipeline(FunctionTransformer(upper), ENCODED), FRAME, DATAFRAME, Evidence.FITTED_PARTS),
        (make_pipeline(FunctionTransformer(same), LogisticRegression()), np.c_[Y, Y], AS_SENT, Evidence.FITTED_PARTS),
        (make_pipeline(FunctionTransformer(np.exp), LogisticRegression()), np.c_[Y, Y], MATRIX, Evidence.FITTED_PARTS),
        (Pipeline([("a", "passthrough"), ("b", LogisticRegression())]), np.c_[Y, Y], MATRIX, Evidence.FITTED_PARTS),
    ],
)
def test_inspect_estimator_of_functions_and_own_steps_keeps_the_clients_form_where_nothing_is_known(
    model: Any, rows: Any, form: InputForm, evidence: Evidence
) -> None:
    schema = fitted(model, rows)
    assert (schema.form, schema.evidence) == (form, evidence)
