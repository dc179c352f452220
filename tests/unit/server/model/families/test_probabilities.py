"""The most probable class of scores, with and without their probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from server.model.families import probabilities
from server.model.families.probabilities import CLEAR, most_probable, softmax


def most_probable_by_softmax(scores: list[float]) -> int:
    return int(softmax(np.array([scores])).argmax(axis=1)[0])


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
@pytest.mark.parametrize(
    "scores",
    [
        [0.1, 0.3, 0.2],
        [1e-17, 2e-17, 0.0],  # equal exponentials: the first
        [1.0, 1.0 + 2.3e-16],
        [0.5, 0.5 + CLEAR, 0.0],
        [0.5, 0.5 + 1.5 * CLEAR],
        [-800.0, 5.0, -900.0],
        [1e308, -1e308],
        [1.0, np.nan, 2.0],
        [1.0, np.inf, 2.0],
        [np.inf, np.inf],
        [1.0, -np.inf],
    ],
)
def test_most_probable_one_row_is_that_of_softmax(scores: list[float]) -> None:
    assert most_probable(np.array([scores]))[0] == most_probable_by_softmax(scores)


def test_most_probable_many_rows_is_that_of_softmax() -> None:
    scores = np.random.default_rng(0).normal(size=(50, 4))
    assert most_probable(scores.copy()).tolist() == softmax(scores).argmax(axis=1).tolist()


def test_most_probable_clear_row_needs_no_exponentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probabilities, "softmax", None)
    assert most_probable(np.array([[0.1, 0.9, 0.3]])).tolist() == [1]
