"""Losses of boosted models: from a first estimate to scores, and from scores to probabilities and classes.

Source: sklearn/_loss/loss.py (`predict_proba`), link.py. Up to 1.3 gradient boosting had losses of its own, which
1.9 cannot load: sklearn/ensemble/_gb_losses.py of that version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.model.families.base import Call
from server.model.families.probabilities import softmax, two_sided
from server.model.families.state import State
from server.model.pickledata.compiled import EXPIT, LOGIT

EPSILON = float(np.finfo(np.float64).eps)
OLD_EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss. Scores are the sums: (rows,) for one tree in each stage, else (rows, classes)."""

    classes: str
    """"two", "many", or "" for a regressor."""
    start: Call = lambda first: first
    """Scores of the first estimate, which is a probability (rows,), a probability of each class, or a number."""
    probabilities: Call = softmax
    """The probabilities of scores, which may be overwritten."""
    best: Callable[[Any], Any] = lambda scores: scores.argmax(axis=1)
    """The class numbers of scores."""


def loss_of(state: State) -> Loss:
    """Return the loss that an estimator's `_loss` is."""
    return LOSSES[state.record_of("_loss", *LOSSES).name]


def _clipped(probabilities: Any) -> Any:
    return np.clip(probabilities, EPSILON, 1 - EPSILON)


def _log_shares(probabilities: Any) -> Any:
    """Return the symmetric multinomial logit: each logarithm relative to the geometric mean."""
    clipped = _clipped(probabilities)
    mean = np.exp(np.mean(np.log(clipped), axis=1))
    return np.log(clipped / mean[:, None])


def _old_log_odds(probability: Any) -> Any:
    clipped = np.clip(probability, OLD_EPSILON, 1 - OLD_EPSILON)
    return np.log(clipped / (1 - clipped))


def _old_softmax(scores: Any) -> Any:
    largest = scores.max(axis=1, keepdims=True)
    total = np.log(np.exp(scores - largest).sum(axis=1, keepdims=True)) + largest
    return np.nan_to_num(np.exp(scores - total))


def _half(scores: Any) -> Any:
    return two_sided(2 * scores)


def _not_negative(scores: Any) -> Any:
    return (scores >= 0).astype(np.intp)


def _more_probable(scores: Any) -> Any:
    second = EXPIT(scores)
    return (second > 1 - second).astype(np.intp)


_LOSS, _OLD = "sklearn._loss.loss.", "sklearn.ensemble._gb_losses."
NUMBER = Loss("")
LOSSES: Mapping[str, Loss] = {
    _LOSS + "AbsoluteError": NUMBER,
    _LOSS + "ExponentialLoss": Loss("two", lambda first: 0.5 * LOGIT(_clipped(first)), _half, _not_negative),
    _LOSS + "HalfBinomialLoss": Loss("two", lambda first: LOGIT(_clipped(first)), two_sided, _not_negative),
    _LOSS + "HalfMultinomialLoss": Loss("many", _log_shares),
    _LOSS + "HalfSquaredError": NUMBER,
    _LOSS + "HuberLoss": NUMBER,
    _LOSS + "PinballLoss": NUMBER,
    _OLD + "BinomialDeviance": Loss("two", _old_log_odds, two_sided, _more_probable),
    _OLD + "ExponentialLoss": Loss("two", lambda first: 0.5 * _old_log_odds(first), _half, _not_negative),
    _OLD + "HuberLossFunction": NUMBER,
    _OLD + "LeastAbsoluteError": NUMBER,
    _OLD + "LeastSquaresError": NUMBER,
    _OLD + "MultinomialDeviance": Loss(
        "many",
        lambda first: np.log(np.clip(first, OLD_EPSILON, 1 - OLD_EPSILON)),
        _old_softmax,
        lambda scores: _old_softmax(scores).argmax(axis=1),
    ),
    _OLD + "QuantileLossFunction": NUMBER,
}
"""The losses of gradient boosting."""
