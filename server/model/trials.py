"""A model tried on its schema's example row: the form of input that it takes, and what each method answers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

from server.model.introspection import inspect_estimator
from server.model.probe_budget import ProbeBudget
from server.model.probe_rows import example_input
from server.schema import METHODS, InputForm, Kind, Schema


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of the trial."""

    schema: Schema
    """With the answers of the methods that took the example."""
    refusal: Exception | None
    """What the main method raised for the example, if it did."""


def try_model(estimator: Any, budget: ProbeBudget) -> Trial:
    """Call each method on the example row that the fitted estimator suggests.

    A model that refuses numbers, and has feature names, is tried on a DataFrame: it may pick its columns by name.

    Raises:
        ModelError: it needs a DataFrame, and pandas is not installed.

    """
    trial = _try_example(estimator, inspect_estimator(estimator), budget)
    schema = trial.schema
    if trial.refusal is None or not schema.names or schema.form is not InputForm.MATRIX:
        return trial
    framed = replace(schema, form=InputForm.DATAFRAME, kinds=(Kind.ANY,) * len(schema.names), example_answers={})
    retrial = _try_example(estimator, framed, budget)
    return trial if retrial.refusal else retrial


def _try_example(estimator: Any, schema: Schema, budget: ProbeBudget) -> Trial:
    if not schema.example_row:
        return Trial(schema, None)
    answers, refusals = {}, {}
    for name in METHODS:
        if name not in schema.methods:
            continue
        X = example_input(schema)  # one for each method: a method may change it
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "X does not have valid feature names": the order is the schema's
                answer = budget.probed(name, getattr(estimator, name))(X)
        except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
            refusals[name] = error
        else:
            answers[name] = answer
    return Trial(
        replace(schema, example_answers={name: answer for name, answer in answers.items() if answer is not None}),
        refusals.get(schema.main_method),
    )
