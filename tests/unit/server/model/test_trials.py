"""A model is tried on each schema that the evidence suggests; only its owner's example is a verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import NMF
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier, VotingClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from server.errors import ModelError
from server.inputs.json_rows import rows_to_input
from server.model.evidence import Example, Signature, SignatureColumn
from server.model.input_example import Clues
from server.model.probe_budget import ProbeBudget
from server.model.trials import try_model
from server.schema import Evidence, InputForm, Kind, Schema
from tests.unit.server.example_models import schema_of


class ChangesInput:
    """`predict` writes into its input; `transform` returns what it gets."""

    n_features_in_ = 2

    def predict(self, X: Any) -> None:
        X[:] = 7

    def transform(self, X: Any) -> Any:
        return X


def test_try_model_gives_each_method_an_unchanged_example() -> None:
    answers = try_model(ChangesInput(), ProbeBudget()).schema.example_answers
    assert answers["transform"].tolist() == [[0.0, 0.0]]


def test_try_model_leaves_out_an_answer_of_none() -> None:
    assert set(try_model(ChangesInput(), ProbeBudget()).schema.example_answers) == {"transform"}


ERRORS = [ValueError, TypeError, KeyError, AttributeError, IndexError, ZeroDivisionError, RuntimeError, MemoryError]


@given(
    error=st.sampled_from(ERRORS),
    features=st.one_of(st.none(), st.integers(1, 4)),
    named=st.booleans(),
    methods=st.sets(st.sampled_from(["predict_proba", "decision_function", "transform"])),
)
def test_try_model_of_a_model_that_refuses_every_invented_row_returns_a_schema(
    error: type[Exception], features: int | None, named: bool, methods: set[str]
) -> None:
    def refuse(_: Any) -> None:
        raise error("no")

    model: Any = type("Refuses", (), {})()
    for method in {"predict", *methods}:
        setattr(model, method, refuse)
    if features is not None:
        model.n_features_in_ = features
        if named:
            model.feature_names_in_ = [f"c{index}" for index in range(features)]
    trial = try_model(model, ProbeBudget())
    assert trial.schema.methods == {"predict", *methods}
    assert (trial.refusal is None) == (features is None)  # without a width there is no row to invent


rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
GAPS = np.where(rng.random(X.shape) < 0.1, np.nan, X)
Y = (X[:, 0] > 0).astype(int)
BOOSTING = HistGradientBoostingClassifier(max_iter=2)
IMPUTED = make_pipeline(SimpleImputer(), LogisticRegression())


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        (IMPUTED, True),
        (make_pipeline(KNNImputer(), LogisticRegression()), True),
        (make_pipeline(StandardScaler(), BOOSTING), True),
        (make_pipeline(FunctionTransformer(), IMPUTED), True),
        (GridSearchCV(IMPUTED, {"logisticregression__C": [1]}, cv=2), True),
        (CalibratedClassifierCV(BOOSTING, cv=2), True),
        (VotingClassifier([("a", BOOSTING), ("b", IMPUTED)]), True),
        (StackingClassifier([("a", BOOSTING)], LogisticRegression(), cv=2), True),
        (make_pipeline(make_column_transformer((SimpleImputer(), [1]), remainder="passthrough"), BOOSTING), True),
        (DecisionTreeClassifier(), True),
        (make_pipeline(StandardScaler(), LogisticRegression()), False),
        (LogisticRegression(), False),
    ],
)
def test_try_model_finds_by_a_prediction_whether_missing_values_are_taken(model: Any, takes: bool) -> None:
    fitted = model.fit(GAPS if takes else X, Y)
    assert schema_of(fitted).allows_missing is takes


def test_try_model_of_many_outputs_finds_that_missing_values_are_taken() -> None:
    assert schema_of(MultiOutputClassifier(BOOSTING).fit(GAPS, np.c_[Y, 1 - Y])).allows_missing


def test_try_model_of_an_imputer_for_some_columns_finds_that_missing_values_are_taken() -> None:
    columns = make_column_transformer((SimpleImputer(), [1]), (StandardScaler(), [0, 2]))
    rows = np.c_[X[:, 0], GAPS[:, 1], X[:, 2]]
    assert schema_of(make_pipeline(columns, LogisticRegression()).fit(rows, Y)).allows_missing


def test_try_model_whose_arithmetic_passes_nan_on_takes_no_missing_values() -> None:
    class Sum:
        n_features_in_ = 2

        def predict(self, rows: Any) -> Any:
            return np.asarray(rows).sum(axis=1)

    assert not schema_of(Sum()).allows_missing


@pytest.mark.parametrize(
    "model",
    [
        KMeans(2, n_init=1),
        MiniBatchKMeans(2, n_init=1),
        BisectingKMeans(2),
        make_pipeline(StandardScaler(), KMeans(2, n_init=1)),
        make_pipeline(NMF(2, max_iter=5, init="random"), LinearRegression()),
    ],
)
@pytest.mark.filterwarnings("ignore:Maximum number of iterations")
def test_try_model_that_was_fitted_in_float32_computes_in_it(model: Any) -> None:
    rows = np.abs(X).astype(np.float32)
    assert schema_of(model.fit(rows, Y)).dtype == "float32"
    assert schema_of(model.fit(rows.astype(np.float64), Y)).dtype == "float64"


class Titles:
    """Takes a DataFrame with a column of texts, and says nothing of it."""

    def predict(self, rows: Any) -> Any:
        return rows["name"].str.len().to_numpy()


def example(*rows: Any, **dtypes: Any) -> Clues:
    return Clues(owner=Example("input-example.json", rows, dtypes))


def tried(model: Any, clues: Clues) -> Schema:
    return try_model(model, ProbeBudget(600.0), clues).schema


def test_try_model_with_its_owners_example_of_objects_takes_a_dataframe_of_their_names() -> None:
    schema = tried(Titles(), example({"name": "Doe", "age": 3}))
    assert (schema.form, schema.names, schema.kinds) == (
        InputForm.DATAFRAME,
        ("name", "age"),
        (Kind.STRING, Kind.NUMBER),
    )
    assert (schema.evidence, schema.example_row) == (Evidence.OWNER_EXAMPLE, ("Doe", 3))
    assert schema.example_answers["predict"].tolist() == [3]


def test_try_model_that_refuses_a_row_of_its_owners_example_raises_with_what_the_model_said() -> None:
    class Cats(Titles):
        def predict(self, rows: Any) -> Any:
            if "dog" in set(rows["name"]):
                raise KeyError("dog")
            return super().predict(rows)

    assert tried(Cats(), example({"name": "cat"})).form is InputForm.DATAFRAME
    with pytest.raises(ModelError, match=r"refuses its own example \(input-example\.json\): KeyError: 'dog'"):
        tried(Cats(), example({"name": "cat"}, {"name": "dog"}))


def test_try_model_with_an_example_that_lacks_a_column_raises_with_its_name() -> None:
    model = LinearRegression().fit(pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0]}), [0, 1])
    with pytest.raises(ModelError, match=r"input-example\.json does not suit the model: data\[0\] lacks 'b'"):
        tried(model, example({"a": 1.0}))


@pytest.mark.parametrize("rows", [([1, 2, None],), ([1, 2, 3], [None, 2, 3])])
def test_try_model_with_missing_values_in_its_owners_example_lets_the_model_decide(rows: Any) -> None:
    schema = tried(make_pipeline(SimpleImputer(), LogisticRegression()).fit(GAPS, Y), example(*rows))
    assert (schema.form, schema.allows_missing) == (InputForm.MATRIX, True)
    with pytest.raises(ModelError, match="ValueError: Input X contains NaN"):
        tried(LogisticRegression().fit(X, Y), example(*rows))


class Hours:
    """Reads the clock of its column `when`."""

    def predict(self, X: Any) -> Any:
        return X["when"].dt.hour.to_numpy()


def test_try_model_of_times_with_an_offset_needs_the_zone_in_which_it_reads_the_clock() -> None:
    row = {"when": "2024-01-31T09:00:00+01:00"}
    with pytest.raises(ModelError, match="the zone of the model's times is not known: send UTC with Z, or name the"):
        tried(Hours(), example(row))
    schema = tried(Hours(), example(row, when="datetime64[ns, Europe/Rome]"))
    assert schema.example_answers["predict"].tolist() == [9]
    in_utc = rows_to_input([{"when": "2024-01-31T08:00:00Z"}], schema, "data", no_strings=False)
    assert Hours().predict(in_utc).tolist() == [9]


def test_try_model_that_refuses_the_example_of_mlflow_uses_the_next_evidence() -> None:
    model = LinearRegression().fit(X, Y)
    schema = tried(model, Clues(mlflow=Example("input_example.json", ([1.0, 2.0],))))
    assert (schema.evidence, schema.features) == (Evidence.FITTED_PARTS, 3)


def test_try_model_with_a_signature_that_an_invented_row_does_not_suit_keeps_the_signature() -> None:
    class Picky(Titles):
        def predict(self, rows: Any) -> Any:
            raise ValueError("unknown name")

    columns = (SignatureColumn("name", Kind.STRING), SignatureColumn("age", Kind.INTEGER, "int64"))
    trial = try_model(Picky(), ProbeBudget(), Clues(signature=Signature(columns)))
    assert (trial.schema.evidence, trial.schema.names) == (Evidence.MLFLOW_SIGNATURE, ("name", "age"))
    assert isinstance(trial.refusal, ValueError)


def test_try_model_that_is_too_slow_for_the_budget_is_tried_once() -> None:
    calls = []

    class Slow(ChangesInput):
        def predict(self, rows: Any) -> Any:
            calls.append(len(rows))
            clock.now += 100.0
            return np.zeros(len(rows))

    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    schema = try_model(Slow(), ProbeBudget(10.0, clock)).schema
    assert (calls, schema.form) == ([1], InputForm.MATRIX)


def test_try_model_with_an_unknown_category_in_an_invented_row_keeps_the_form() -> None:
    encoder = OneHotEncoder(categories=[["x", "y"]])
    model = make_pipeline(encoder, LinearRegression()).fit(pd.DataFrame({"a": ["x", "y"]}), [0, 1])
    encoder.transform = lambda _: refuse()

    def refuse() -> None:
        raise ValueError("not x")

    trial = try_model(model, ProbeBudget())
    assert (trial.schema.form, trial.schema.kinds) == (InputForm.DATAFRAME, (Kind.STRING,))
    assert trial.refusal is not None
