"""Generalized linear models: a matrix product, and the inverse of a link function.

Source: sklearn/linear_model/_glm/glm.py, sklearn/_loss/link.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from server.model.families.base import Check, Part, matrix_part
from server.model.families.linear import ANY_KEYS, linear_scores
from server.model.families.state import Family, State, keys
from server.model.pickledata.records import name_of


def generalized(state: State) -> Part:
    """Return a generalized linear regressor."""
    scores = linear_scores(state)
    if np.ndim(state.values["coef_"]) != 1:
        raise state.unknown("coef_")
    loss = state.record_of("_base_loss", *LINKS)
    link = LINKS[loss.name]
    if type(loss.state) is not dict or name_of(loss.state.get("link")) != f"sklearn._loss.link.{link}":
        raise state.unknown("_base_loss")
    predict = (lambda X: np.exp(scores(X))) if link == "LogLink" else scores
    return matrix_part(state.part(), {"predict": predict}, Check(state.name, sparse=True))


LINKS = {
    "sklearn._loss.loss.HalfGammaLoss": "LogLink",
    "sklearn._loss.loss.HalfPoissonLoss": "LogLink",
    "sklearn._loss.loss.HalfTweedieLoss": "LogLink",
    "sklearn._loss.loss.HalfTweedieLossIdentity": "IdentityLink",
}
"""The link function of each loss. The file names it too; both must agree."""

GENERALIZED_KEYS = ANY_KEYS | keys("alpha solver warm_start _base_loss link power")

FAMILIES: Mapping[str, Family] = {
    f"sklearn.linear_model._glm.glm.{name}": Family(generalized, GENERALIZED_KEYS)
    for name in ("GammaRegressor", "PoissonRegressor", "TweedieRegressor")
}
