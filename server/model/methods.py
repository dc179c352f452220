"""A model's methods as the server calls them: direct and batched where that is exact, each with what it costs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog

from server.model import families as evaluation
from server.model import row_independence
from server.model.cost_model import MANY, UNKNOWN, Cost, measured, typical
from server.model.introspection import example_input
from server.model.probe_rows import random_rows
from server.schema import Schema, Takes

log = structlog.get_logger()

Call = Callable[[Any], Any]

COMPARING = 0.02
"""Seconds that a method's rows may take one by one at load."""

FEW = 3


@dataclass(frozen=True, slots=True)
class Method:
    """`call` takes whatever the model takes; `direct` finite float64 rows only, and may raise `direct.Unsuited`."""

    call: Call
    cost: Cost
    batchable: bool = False
    direct: Call | None = None


def methods_of(estimator: Any, calls: Mapping[str, Call], schema: Schema, *, direct: bool = True) -> dict[str, Method]:
    """Whatever of `calls` can be sped up with equal answers, is; the rest is called as it is."""
    if schema.features is None or schema.takes is not Takes.NUMBERS:
        calls = _harmless(calls, example_input(schema) if schema.example else None)
        return {name: _as_it_is(call, schema) for name, call in calls.items()}
    rows = random_rows(schema.features, MANY)
    calls = _harmless(calls, rows[:FEW])
    fast = evaluation.of(estimator) if direct else {}
    found = {}
    for name, call in calls.items():
        if _refuses(call, rows):
            found[name] = _as_it_is(call, schema)
        else:
            found[name] = _sped_up(estimator, name, call, fast.get(name), rows)
    return found


def _harmless(calls: Mapping[str, Call], rows: Any) -> Mapping[str, Call]:
    """The calls, with a copy for each if one of them changes its input: others, and the metrics, see that input too.

    `rows` is None where it cannot be tried.
    """
    if rows is not None and not any(_changes(call, rows) for call in calls.values()):
        return calls
    return {name: _copying(call) for name, call in calls.items()}


def _copying(call: Call) -> Call:
    return lambda X: call(X.copy())


def _changes(call: Call, rows: Any) -> bool:
    """Whether it writes into its input, even if it refuses that in the end."""
    given = rows.copy()
    with contextlib.suppress(Exception):  # the model's own code: anything may come, and others judge it
        call(given)
    if isinstance(rows, np.ndarray):
        return bool(given.tobytes() != rows.tobytes())  # bits: NaN equals itself
    return not bool(given.equals(rows))


def _refuses(call: Call, rows: Any) -> bool:
    """Whether random rows do not suit the model: then nothing can be compared."""
    try:
        call(rows)
    except Exception as error:  # noqa: BLE001 - the model's own code: anything may come
        log.info("the model is called as it is", reason=str(error)[:200])
        return True
    return False


def _as_it_is(call: Call, schema: Schema) -> Method:
    """Timed with the example, if the model takes that."""
    try:
        seconds = typical(call, example_input(schema))
    except Exception:  # noqa: BLE001 - the model's own code: anything may come
        return Method(call, Cost(*UNKNOWN))
    return Method(call, Cost(seconds, seconds / MANY))


def _sped_up(estimator: Any, name: str, plain: Call, fast: Call | None, rows: np.ndarray[Any, Any]) -> Method:
    if fast and not evaluation.is_exact(fast, plain, rows):
        log.warning("direct evaluation is not exact here: not used", method=name)
        fast = None
    call = evaluation.or_else(fast, plain, rows.shape[1]) if fast else plain
    cost = measured(call, rows[:1], rows)
    batchable = row_independence.is_rowwise(estimator) and row_independence.is_exact(call, rows[: _affordable(cost)])
    return Method(call, cost, batchable, fast)


def _affordable(cost: Cost) -> int:
    """How many rows are compared one by one: more would hold the start up."""
    return min(max(int(COMPARING / cost.seconds(1)), FEW), MANY)
