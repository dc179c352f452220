"""Tiny fitted models, one for each form of input that a model can take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from server.model.probe_budget import ProbeBudget
from server.model.trials import try_model
from server.schema import Schema

PEOPLE = pd.DataFrame({"city": ["Rome", "Oslo", "Rome", "Oslo"], "age": [20.0, 30.0, 40.0, 50.0]})

numbers = LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 5.0]], ["no", "no", "yes", "yes"])
named = LogisticRegression().fit(pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [3.0, 1.0, 5.0]}), [0, 0, 1])
missing = DecisionTreeClassifier().fit([[0.0, 1.0], [1.0, np.nan], [2.0, 3.0]], [0, 1, 1])
people = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["city"]), (make_pipeline(SimpleImputer(), StandardScaler()), ["age"])),
    LogisticRegression(C=100),
).fit(PEOPLE, [0, 1, 0, 1])
gaps = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), ["city"]),
    ),
    LogisticRegression(C=100),
).fit(pd.DataFrame({"age": [20.0, 30.0, 40.0, np.nan], "city": ["Rome", "Oslo", "Rome", np.nan]}), [0, 1, 0, 1])
picked = make_pipeline(make_column_transformer((StandardScaler(), ["age"])), LogisticRegression()).fit(
    PEOPLE.assign(city=[1.0, 2.0, 3.0, 4.0]), [0, 0, 1, 1]
)
objects = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(np.array([["x", 1], ["y", 2]], dtype=object), [0, 1])
texts = make_pipeline(CountVectorizer(), MultinomialNB()).fit(["good day", "bad day"], ["pos", "neg"])
scaler = StandardScaler().fit(pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [3.0, 1.0, 5.0]}))
vectorizer = CountVectorizer().fit(["good day", "bad day"])
density = KernelDensity().fit([[0.0, 1.0], [1.0, 0.0]])
discriminant = LinearDiscriminantAnalysis().fit([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 5.0]], [0, 0, 1, 1])
two_outputs = DecisionTreeClassifier().fit([[0.0, 1.0], [1.0, 0.0]], [[0, 5], [1, 6]])


def schema_of(model: Any) -> Schema:
    """Return the schema that the server would have of this model, with its answers to the example row."""
    return try_model(model, ProbeBudget(600.0)).schema
