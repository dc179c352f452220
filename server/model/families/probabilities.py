"""Probabilities and votes from scores, in scikit-learn's order of operations.

Source: sklearn/linear_model/_base.py (`_predict_proba_lr`), sklearn/utils/extmath.py (softmax),
sklearn/utils/_array_api.py (`_logsumexp`), sklearn/utils/multiclass.py (`_ovr_decision_function`).
"""

from __future__ import annotations

from itertools import combinations
from math import isfinite
from typing import Any

import numpy as np

from server.model.pickledata.compiled import EXPIT

BINARY = 2
"""Classes of a binary classifier, which has one score for both."""

FEW = 8
"""NumPy adds fewer numbers than this one after another, whatever the memory layout. It adds more of them in another
order within one row than across many, so a sum over that many classes depends on the number of rows."""


CLEAR = 1e-9
"""Difference of two scores whose exponentials differ whatever the rounding, which is by less than 1e-15."""

MAX_SORTED = 64
"""Scores. Beyond, `softmax` is not slower than sorting them."""


def two_sided(scores: Any) -> Any:
    """Return the probabilities of both classes from the score of the second."""
    return two_sided_of_second(EXPIT(scores))


def two_sided_of_second(second: Any) -> Any:
    """Return the probabilities of both classes from that of the second."""
    return np.stack([1 - second, second], axis=1)


def softmax(scores: Any) -> Any:
    """Return each row's probabilities, computed in place and in scikit-learn's order of operations."""
    scores -= scores.max(axis=1).reshape(-1, 1)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1).reshape(-1, 1)
    return scores


def most_probable(scores: Any) -> Any:
    """Return the number of each row's largest probability by `softmax`. The scores may be overwritten.

    In one row with a score clearly above all others, that one also has the largest probability: exponentials and
    quotients keep the order. Only of nearly equal scores may rounding make equal probabilities.
    """
    if len(scores) == 1 and scores.shape[1] <= MAX_SORTED:
        *_, second, largest = ordered = sorted(scores[0].tolist())
        if isfinite(sum(ordered)) and largest - second > CLEAR:
            return scores.argmax(axis=1)
    return softmax(scores).argmax(axis=1)


def one_against_rest(scores: Any) -> Any:
    """Return the probabilities of models that each separate one class from all others."""
    return shares(EXPIT(scores))


def shares(probabilities: Any) -> Any:
    """Divide each row by its sum, in place. A row of zeros becomes a row of equal shares."""
    total = probabilities.sum(axis=1)
    nothing = total == 0
    if nothing.any():
        probabilities[nothing, :] = 1
        total[nothing] = probabilities.shape[1]
    probabilities /= total.reshape(-1, 1)
    return probabilities


def votes_of_pairs(codes: Any, confidences: Any, count: int) -> Any:
    """Return a score of each class from those of each pair: its votes, and less than half a vote for the confidences.

    A code is 0 for the first class of the pair, and 1 for the second.
    """
    votes, total = np.zeros((len(codes), count)), np.zeros((len(codes), count))
    for pair, (first, second) in enumerate(combinations(range(count), 2)):
        total[:, first] -= confidences[:, pair]
        total[:, second] += confidences[:, pair]
        votes[codes[:, pair] == 0, first] += 1
        votes[codes[:, pair] == 1, second] += 1
    return votes + total / (3 * (np.abs(total) + 1))


def log_sum_exp(logs: Any) -> Any:
    """Return the logarithm of the sum of each row's exponentials, as a column."""
    largest = logs.max(axis=1, keepdims=True)
    is_largest = logs == largest
    others = logs.copy("K")
    others[is_largest] = -np.inf
    count = is_largest.astype(np.float64).sum(axis=1, keepdims=True)
    total = np.exp(others - np.where(np.isfinite(largest), largest, 0)).sum(axis=1, keepdims=True)
    return np.log1p(np.where(total == 0, total, total / count)) + np.log(count) + largest
