"""Error text for a file that loads but has nothing to serve: what it is, why it cannot answer, what to save instead.

Pure: nothing here calls the model.
"""

from __future__ import annotations

from typing import Any

from server.schema import METHODS

SERVED = "predict(), transform() or score_samples()"

COLLECTION = f", which has no {SERVED}: save one fitted estimator, with its preprocessing in one Pipeline"
"""After the name of a kind of dict, list or tuple."""
LABELS_ONLY = (
    ", which has fit_predict() but no predict(): it labels the rows that it is fitted on, and no others. Save "
    "a KNeighborsClassifier fitted on its labels, or a clustering with predict() such as KMeans"
)
"""After the name of a clustering."""
PLACES_ONLY = (
    ", which has fit_transform() but no transform(): it places the rows that it is fitted on, and no others. "
    "Save a transformer with transform(), such as PCA"
)
"""After the name of an embedding."""


def refusal_of(estimator: Any) -> str:
    """Return why the object cannot be served, as the end of "model.joblib holds …"; "" where it has a served method."""
    if isinstance(estimator, type):
        return f"the class {estimator.__name__}, not an object of it: save the model that fit() returned"
    if any(callable(getattr(estimator, name, None)) for name in METHODS):
        return ""
    return f"{with_article(type(estimator).__name__)}{_reason(estimator)}"


def with_article(name: str) -> str:
    """Return the name of a class with "a" or "an" before it."""
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _reason(estimator: Any) -> str:
    if isinstance(estimator, dict | list | tuple):
        return COLLECTION
    if getattr(estimator, "refit", None) is False:
        return " with refit=False, which keeps no fitted model: fit it with refit=True, or save the best model"
    if getattr(_last_step(estimator), "novelty", None) is False:
        return " with novelty=False, which only labels the rows that it is fitted on: fit it with novelty=True"
    if callable(getattr(estimator, "fit_predict", None)):
        return LABELS_ONLY
    if callable(getattr(estimator, "fit_transform", None)):
        return PLACES_ONLY
    return f", which has no {SERVED}: save a fitted estimator that has one of them"


def _last_step(estimator: Any) -> Any:
    while getattr(estimator, "steps", None):
        estimator = estimator.steps[-1][1]
    return estimator
