"""A file that loads and holds nothing to serve is refused with the reason and with what to save instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, OPTICS, AgglomerativeClustering, FeatureAgglomeration, KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import MDS, TSNE
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from server.model.refusals import refusal_of

X = np.random.default_rng(0).normal(size=(40, 3))
LABELS = (X[:, 0] > 0).astype(int)

LABELS_ONLY = ["fit_predict() but no predict()", "labels the rows that it is fitted on, and no others", "KMeans"]
EMBEDS_ONLY = ["fit_transform() but no transform()", "places the rows that it is fitted on", "PCA"]


@pytest.mark.parametrize(
    ("held", "words"),
    [
        *((model.fit(X), [type(model).__name__, *LABELS_ONLY]) for model in (DBSCAN(), OPTICS())),
        (AgglomerativeClustering().fit(X), ["an AgglomerativeClustering", *LABELS_ONLY]),
        (make_pipeline(StandardScaler(), DBSCAN()).fit(X), ["a Pipeline", *LABELS_ONLY]),
        (TSNE(perplexity=5), ["a TSNE", *EMBEDS_ONLY]),
        (MDS(), ["a MDS", *EMBEDS_ONLY]),
        (LocalOutlierFactor().fit(X), ["novelty=False", "labels the rows", "fit it with novelty=True"]),
        (make_pipeline(StandardScaler(), LocalOutlierFactor()), ["a Pipeline with novelty=False", "novelty=True"]),
        (GridSearchCV(LogisticRegression(), {"C": [1, 2]}, refit=False), ["keeps no fitted model", "refit=True"]),
        (LogisticRegression, ["the class LogisticRegression, not an object of it", "fit() returned"]),
        ({"model": LogisticRegression()}, ["a dict", "one fitted estimator", "Pipeline"]),
        ((PCA(), KMeans()), ["a tuple", "Pipeline"]),
        (X, ["a ndarray, which has no predict(), transform() or score_samples()", "save a fitted estimator"]),
        (None, ["a NoneType", "save a fitted estimator"]),
    ],
)
def test_refusal_of_an_object_that_cannot_answer_says_why_and_what_to_save(held: Any, words: list[str]) -> None:
    refusal = refusal_of(held)
    assert [word for word in words if word not in refusal] == []
    assert "\n" not in refusal


@pytest.mark.parametrize(
    "model",
    [
        *(LogisticRegression(), KMeans(), PCA(), StandardScaler(), KernelDensity(), IsolationForest()),
        *(LocalOutlierFactor(novelty=True), FeatureAgglomeration(), make_pipeline(StandardScaler(), PCA())),
        GridSearchCV(LogisticRegression(), {"C": [1, 2]}),
    ],
)
def test_refusal_of_a_model_with_a_served_method_is_empty(model: Any) -> None:
    assert refusal_of(model.fit(X, LABELS)) == ""
