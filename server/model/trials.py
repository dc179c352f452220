"""A model tried on the schemas that the evidence suggests: the form that it takes, and what each method answers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from server.errors import InputError, ModelError, first_line
from server.inputs.dates import UnknownZoneError
from server.model.evidence import Candidate, candidates
from server.model.input_example import Clues
from server.model.introspection import column_groups, inspect_estimator
from server.model.probe_budget import ProbeBudget, ProbeBudgetSpentError
from server.model.probe_rows import example_input, missing_input, sent_rows_to_input
from server.schema import METHODS, TABLES, Evidence, InputForm, Schema

MAX_EXAMPLE_ROWS = 64
"""Rows of an example that the model is tried on."""

MAX_GROUPS = 8
"""Groups of columns that are tried with missing values, one after another."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of the trials."""

    schema: Schema
    """With the answers of the methods that took the example."""
    refusal: Exception | None = None
    """What the model raised for an invented row of this schema, if it did."""


def try_model(estimator: Any, budget: ProbeBudget, clues: Clues | None = None) -> Trial:
    """Return the first schema whose rows the model accepts, or the one of the strongest evidence where it accepts none.

    An invented row that is refused shows nothing. The owner's example does.

    Raises:
        ModelError: the model refuses its owner's example, or needs a DataFrame and pandas is not installed.

    """
    fitted = inspect_estimator(estimator)
    clues = clues or Clues()
    others: list[Trial] = []
    missing_pandas: ModelError | None = None
    with _quiet():
        for candidate in candidates(fitted, clues.owner, clues.mlflow, clues.signature):
            try:
                trial = _try_candidate(estimator, candidate, budget)
            except ModelError as error:
                missing_pandas = missing_pandas or error
                continue
            if trial.refusal is None and trial.schema.example_row:
                return Trial(_with_missing(estimator, trial.schema, candidate.rows, budget))
            others.append(trial)
    if missing_pandas and not others:
        raise missing_pandas
    if clues.owner:
        refusals = [trial.refusal for trial in others]
        # The first form may have the dates as text, which the model refuses in words of its own.
        unknown_zone = next((each for each in refusals if isinstance(each, UnknownZoneError)), refusals[0])
        raise ModelError(_verdict(clues.owner.file, unknown_zone))
    return _without_acceptance(others, fitted)


def _verdict(file: str, refusal: Exception | None) -> str:
    if isinstance(refusal, InputError):
        return f"{file} does not suit the model: {first_line(refusal)}"
    return f"the model refuses its own example ({file}): {type(refusal).__name__}: {first_line(refusal)}"


def _without_acceptance(trials: Sequence[Trial], fitted: Schema) -> Trial:
    """Return the trial of the strongest evidence, if that is more than an invented form; otherwise the client's form.

    An example of MLflow that was refused is no evidence.
    """
    weak = (Evidence.TRIAL, Evidence.MLFLOW_EXAMPLE)
    for trial in trials:
        if trial.schema.evidence not in weak:
            return trial
    return Trial(replace(fitted, form=InputForm.AS_SENT), trials[0].refusal if trials else None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignore warnings: "X does not have valid feature names", since the order is the schema's, and what rows cause."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _try_candidate(estimator: Any, candidate: Candidate, budget: ProbeBudget) -> Trial:
    schema = candidate.schema
    if not schema.example_row:
        return Trial(schema)
    lenient = replace(schema, allows_missing=True)  # the model itself decides on an example with missing values
    answers: dict[str, Any] = {}
    refusals: dict[str, Exception] = {}
    main = schema.main_method
    for name in sorted(schema.methods, key=lambda name: (name != main, METHODS.index(name))):
        call = budget.probed(name, getattr(estimator, name))
        try:
            sent = sent_rows_to_input(candidate.rows[:MAX_EXAMPLE_ROWS], lenient, "data") if candidate.rows else None
            # An input of its own for each method: a method may change it.
            answers[name] = call(example_input(lenient))
            if sent is not None and name == main:
                call(sent)
        except ModelError:
            raise
        except ProbeBudgetSpentError as error:
            if name not in answers:
                refusals[name] = error
        except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
            refusals[name] = error
            if name == main:
                break
    given = {name: answer for name, answer in answers.items() if answer is not None and name not in refusals}
    return Trial(replace(schema, example_answers=given), refusals.get(main))


# ---- missing values ---------------------------------------------------------------------------------------------


def _with_missing(estimator: Any, schema: Schema, rows: Sequence[Any], budget: ProbeBudget) -> Schema:
    """Return the schema with whether the model takes missing values, by what it does with them.

    Neither its tags nor its parts say that: an imputer inside takes them for all that come after it.
    """
    if schema.form not in TABLES or not schema.example_row or not schema.methods:
        return schema
    seen = any(None in (row.values() if isinstance(row, dict) else row) for row in rows[:MAX_EXAMPLE_ROWS])
    return replace(schema, allows_missing=seen or _takes_missing(estimator, schema, budget))


def _takes_missing(estimator: Any, schema: Schema, budget: ProbeBudget) -> bool:
    """Return whether the model answers the example row without some of its values: all, or those of one part."""
    name = schema.main_method
    call = budget.probed(name, getattr(estimator, name))
    for group in column_groups(estimator, schema)[:MAX_GROUPS]:
        try:
            answer = call(missing_input(schema, group))
        except ProbeBudgetSpentError:
            return schema.allows_missing
        except Exception:  # noqa: BLE001, S112 - the model's own code may raise anything, which is the answer
            continue
        if name == "transform" or not _has_nan(answer) or _has_nan(schema.example_answers.get(name)):
            return True
    return False


def _has_nan(answer: Any) -> bool:
    """Return whether an answer has NaN in it: a prediction that passes it on does not take missing values."""
    values = np.asarray(answer) if not isinstance(answer, list | tuple) else None
    return values is not None and values.dtype.kind == "f" and bool(np.isnan(values).any())
