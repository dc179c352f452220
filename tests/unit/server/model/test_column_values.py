"""What fitted parts know of a column: a usual value, a range, choices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from server.model.column_values import (
    MEAN_AND_SPREAD,
    NOTHING,
    THRESHOLDS,
    TRAINING,
    ColumnValues,
    column_values,
    usual_dict,
    usual_text,
)
from server.model.introspection import inspect_estimator

X = np.array([[0.0, 10.0], [1.0, 20.0], [2.0, 30.0], [5.0, 60.0]])
Y = [0, 0, 1, 1]


def values_of(model: Any) -> tuple[ColumnValues, ...]:
    return column_values(model, inspect_estimator(model))


def after(step: Any) -> Any:
    return make_pipeline(step, LogisticRegression()).fit(X, Y)


@pytest.mark.parametrize(
    ("model", "usual"),
    [
        (after(StandardScaler()), (2.0, 30.0)),
        (after(RobustScaler()), (1.5, 25.0)),
        (after(MaxAbsScaler()), (2.5, 30.0)),
        (after(SimpleImputer(strategy="median")), (1.5, 25.0)),
        (after(QuantileTransformer(n_quantiles=3)), (1.5, 25.0)),
        (KMeans(2, n_init=1, random_state=0).fit(X), (3.0, 40.0)),
        (GaussianNB().fit(X, Y), (2.0, 30.0)),
    ],
    ids=repr,
)
def test_usual_value_is_from_the_part_that_knows_it(model: Any, usual: tuple[float, float]) -> None:
    assert [each.usual for each in values_of(model)] == pytest.approx(usual)


@pytest.mark.parametrize(
    ("model", "source"),
    [
        (after(MinMaxScaler()), TRAINING),
        (after(QuantileTransformer(n_quantiles=3)), TRAINING),
        (after(KBinsDiscretizer(2, strategy="uniform", encode="ordinal")), TRAINING),
        (KNeighborsClassifier(1).fit(X, Y), TRAINING),
    ],
    ids=lambda each: type(each[0] if hasattr(each, "steps") else each).__name__,
)
def test_range_is_that_of_the_training_data(model: Any, source: str) -> None:
    assert [(each.low, each.high, each.source) for each in values_of(model)] == [(0, 5, source), (10, 60, source)]


def test_range_of_a_standard_scaler_is_two_standard_deviations() -> None:
    (first, _) = values_of(after(StandardScaler()))
    spread = 2 * X[:, 0].std()
    assert (first.low, first.high) == pytest.approx((2 - spread, 2 + spread))
    assert first.source == MEAN_AND_SPREAD


def test_range_of_trees_is_that_of_the_thresholds() -> None:
    found = values_of(DecisionTreeClassifier(random_state=0).fit(X[:, :1], Y))
    assert found == (ColumnValues(1.5, 1.5, 1.5, THRESHOLDS),)


def test_choices_are_the_categories_of_an_encoder_without_missing_ones() -> None:
    frame = pd.DataFrame({"city": ["Rome", "Oslo", None], "age": [1.0, 2.0, 3.0], "id": [1, 2, 3]})
    columns = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["age"]))
    found = values_of(make_pipeline(columns, LogisticRegression()).fit(frame, [0, 1, 1]))
    assert found[0] == ColumnValues(choices=("Oslo", "Rome"))
    assert (found[1].usual, found[2]) == (2.0, NOTHING)


def test_range_of_histogram_boosting_is_that_of_its_bins_in_the_order_of_the_input() -> None:
    frame = pd.DataFrame({"age": np.arange(100.0), "city": pd.Categorical(["Rome", "Oslo"] * 50)})
    model = HistGradientBoostingClassifier(max_iter=2).fit(frame, np.arange(100) > 50)
    age, city = values_of(model)
    assert (age.low, age.usual, age.high) == pytest.approx((0.5, 49.5, 98.5))
    assert city.low is None


def test_a_linear_model_knows_nothing_of_its_columns() -> None:
    assert values_of(LogisticRegression().fit(X, Y)) == (NOTHING, NOTHING)


def test_usual_dict_has_every_key_and_usual_text_words_that_are_known() -> None:
    rows = DictVectorizer().fit([{"city": "Rome", "temp": 2.5}, {"city": "Oslo", "dry": True}])
    assert usual_dict(rows) == {"city": "Oslo", "dry": 1.0, "temp": 1.0}
    assert usual_text(CountVectorizer().fit(["b a9 d c", "good bad 2026"])) == "bad good"
