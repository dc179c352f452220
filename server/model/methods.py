"""A model's methods as the server calls them: direct and batched where that is exact, each with its cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import structlog

from server.errors import first_line
from server.inputs.named_table import NamedTable
from server.model.cost_model import PROBE_ROWS, UNMEASURED, Cost, cost_of, measure_cost, median_seconds
from server.model.direct_evaluation import direct_or_plain, matches_plain
from server.model.families.base import Call
from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown
from server.model.probe_budget import ProbeBudget, ProbeBudgetSpentError
from server.model.probe_rows import example_input, random_rows
from server.model.recorded_estimator import RecordedEstimator
from server.model.row_independence import batches_match_single_rows, searches_row_by_row
from server.schema import METHODS, InputForm, Schema

log = structlog.get_logger()

ROW_STEPS = (1, 4, 16, PROBE_ROWS)
"""Rows of the first calls of a method. A call for four times the rows takes at most four times as long, so each call
shows whether the next one fits into the budget."""

MIN_COMPARED_ROWS = 3

COMPARING_SECONDS = 0.02
"""Seconds that the rows of one method may take one by one, beyond MIN_COMPARED_ROWS."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method that can be called while the server runs."""

    call: Call
    """Takes whatever the model takes."""
    cost: Cost
    batchable: bool = False
    """Whether rows of several requests may share a call: no bit of any answer changes."""
    direct: Call | None = None
    """The same for plain rows only: finite float64 ones, or what `server.inputs.plain_rows` reads. May raise
    `Unsuited`, or a ValueError for what the complete method refuses."""


def methods_of(estimator: Any, schema: Schema, budget: ProbeBudget, *, direct: bool = True) -> dict[str, Method]:
    """Return the model's methods, each sped up where the answers stay equal, within the budget for probing.

    A method that is too slow to compare within the budget is called unchanged, and never batched.
    """
    calls = {name: getattr(estimator, name) for name in METHODS if name in schema.methods}
    if schema.features is None or schema.form is not InputForm.MATRIX:
        found = {name: _unchanged_method(name, call, schema, budget) for name, call in calls.items()}
        # A data model's own method is the direct evaluation, of tables and texts too.
        is_data = direct and isinstance(estimator, RecordedEstimator)
        return {name: replace(method, direct=method.call) for name, method in found.items()} if is_data else found
    rows = random_rows(schema.features, PROBE_ROWS).astype(schema.dtype)
    known, independent = _direct_methods(estimator)
    known = known if direct and schema.dtype == "float64" else {}
    found = {}
    for name, call in calls.items():
        tried = _try_inputs(budget.probed(name, call), [rows[:count] for count in ROW_STEPS])
        if isinstance(tried.refusal, ProbeBudgetSpentError):
            found[name] = _unprobed_method(name, call, budget)
        elif tried.refusal:
            log.info("method is not sped up: it refuses random rows", method=name, reason=first_line(tried.refusal))
            found[name] = _unchanged_method(name, call, schema, budget)
        else:
            plain = _copying(call) if tried.changes_input else call
            found[name] = _probed_method(name, plain, known.get(name), rows, budget, independent=independent)
    return found


def _direct_methods(estimator: Any) -> tuple[Mapping[str, Call], bool]:
    """Return the estimator's methods for finite rows, without checks, and whether each row is computed by itself."""
    try:
        part = estimator.part if isinstance(estimator, RecordedEstimator) and estimator.part else part_of(estimator)
    except Unknown:
        return {}, searches_row_by_row(estimator)
    return part.direct, part.row_independent


@dataclass(frozen=True, slots=True)
class _Tried:
    """The result of a few calls of a method."""

    changes_input: bool
    """Whether it writes into its input, even if it raises in the end. Unknown counts as yes."""
    refusal: Exception | None = None


def _try_inputs(call: Call, inputs: Sequence[Any]) -> _Tried:
    changes_input = not inputs
    for X in inputs:
        given = copy_of(X)
        try:
            call(given)
        except ProbeBudgetSpentError as error:
            return _Tried(changes_input=True, refusal=error)
        except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
            return _Tried(changes_input or _differs(given, X), error)
        changes_input = changes_input or _differs(given, X)
    return _Tried(changes_input)


def _differs(given: Any, X: Any) -> bool:
    if isinstance(X, np.ndarray):
        return bool(given.tobytes() != X.tobytes())  # bits: NaN equals itself
    if isinstance(X, NamedTable):
        return any(map(_differs, given.columns, X.columns))
    return bool(given != X) if isinstance(X, list) else not bool(given.equals(X))


def _copying(call: Call) -> Call:
    """Return the call with a copy of its input: other methods, and the metrics, read the same input."""
    return lambda X: call(copy_of(X))


def copy_of(X: Any) -> Any:
    """Return a copy of an array, a DataFrame, a table, or a list of dicts or tokens."""
    return deepcopy(X) if isinstance(X, list | NamedTable) else X.copy()


def _unchanged_method(name: str, call: Call, schema: Schema, budget: ProbeBudget) -> Method:
    """Return the method as scikit-learn has it, timed with the example row if the model takes that."""
    probed = budget.probed(name, call)
    tried = _try_inputs(probed, [example_input(schema)] if schema.example_row else [])
    if isinstance(tried.refusal, ProbeBudgetSpentError):
        return _unprobed_method(name, call, budget)
    call = _copying(call) if tried.changes_input else call
    if tried.refusal or not schema.example_row:
        return Method(call, cost_of(UNMEASURED))
    try:
        seconds = median_seconds(budget.probed(name, call), example_input(schema))
    except ProbeBudgetSpentError:
        seconds = probed.seconds[len(example_input(schema))]  # of the call in `_try_inputs`
    return Method(call, Cost(seconds, seconds / PROBE_ROWS))


def _unprobed_method(name: str, call: Call, budget: ProbeBudget) -> Method:
    """Return the method as scikit-learn has it, with the cost of the calls that were made within the budget."""
    log.info("method is not sped up: too slow to be compared within the budget for probing", method=name)
    return Method(_copying(call), cost_of(budget.probed(name, call).seconds or UNMEASURED))


def _probed_method(
    name: str, plain: Call, direct: Call | None, rows: np.ndarray[Any, Any], budget: ProbeBudget, *, independent: bool
) -> Method:
    """Return the method, direct and batched where the bits of its answers to `rows` show that it may be."""
    try:
        if direct and not matches_plain(direct, budget.probed(name, plain), rows):
            log.warning("direct evaluation is not exact for this model and is not used", method=name)
            direct = None
        call = direct_or_plain(direct, plain, rows.shape[1]) if direct else plain
        probed = budget.probed(f"{name}, direct" if direct else name, call)
        cost = measure_cost(probed, rows)
        batchable = independent and batches_match_single_rows(probed, rows[: _compared_rows(cost)])
    except ProbeBudgetSpentError:
        return _unprobed_method(name, plain, budget)
    return Method(call, cost, batchable, direct)


def _compared_rows(cost: Cost) -> int:
    """Return how many rows are compared one by one without delaying the start."""
    return min(max(int(COMPARING_SECONDS / cost.seconds(1)), MIN_COMPARED_ROWS), PROBE_ROWS)
