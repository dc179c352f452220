"""Each method is tried on an example row of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from server.model.probe_budget import ProbeBudget
from server.model.trials import try_model


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


def test_try_model_keeps_what_predict_raised() -> None:
    class Refuses(ChangesInput):
        def predict(self, X: Any) -> None:
            raise KeyError("city")

    assert isinstance(try_model(Refuses(), ProbeBudget()).refusal, KeyError)
    assert np.shape(try_model(ChangesInput(), ProbeBudget()).schema.example_row) == (2,)
