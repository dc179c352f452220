"""A model's methods as the server calls them: direct and batched where that is exact, each with what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog

from server import direct, rowwise
from server.cost import MANY, UNKNOWN, Cost, measured
from server.samples import random_rows
from server.schema import Schema, Takes

log = structlog.get_logger()

Call = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Method:
    """`call` takes whatever the model takes; `direct` finite float64 rows only, and may raise `direct.Unsuited`."""

    call: Call
    cost: Cost
    batchable: bool = False
    direct: Call | None = None


def methods_of(estimator: Any, calls: Mapping[str, Call], schema: Schema) -> dict[str, Method]:
    """Whatever of `calls` can be sped up with equal answers, is; the rest is called as it is."""
    if schema.features is None or schema.takes is not Takes.NUMBERS:
        return {name: Method(call, Cost(*UNKNOWN)) for name, call in calls.items()}
    rows = random_rows(schema.features, MANY)
    fast = direct.of(estimator)
    return {name: _method(estimator, name, call, fast.get(name), rows) for name, call in calls.items()}


def _method(estimator: Any, name: str, plain: Call, fast: Call | None, rows: np.ndarray[Any, Any]) -> Method:
    try:
        plain(rows)
    except Exception as error:  # noqa: BLE001 - random rows may not suit the model: nothing can be compared
        log.info("called as it is", method=name, reason=str(error)[:200])
        return Method(plain, Cost(*UNKNOWN))
    if fast and not direct.is_exact(fast, plain, rows):
        log.warning("direct evaluation is not exact here: not used", method=name)
        fast = None
    call = direct.or_else(fast, plain) if fast else plain
    batchable = rowwise.is_rowwise(estimator) and rowwise.is_exact(call, rows)
    return Method(call, measured(call, rows[:1], rows), batchable, fast)
