"""Direct evaluation of tables and texts for a model that was loaded as code: its part in the place of the estimator.

scikit-learn needs a DataFrame, and milliseconds for one row of it. The part needs a NamedTable and some
microseconds. As for matrices, it is compared with the estimator at each load, and not used where one answer differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import structlog

from server.model.families.registry import part_of
from server.model.families.sparse_rows import SparseRows
from server.model.introspection import column_groups
from server.model.pickledata.records import Unknown, as_record
from server.model.probe_rows import PLACE, example_input, missing_input, sent_rows_to_input
from server.model.recorded_estimator import RecordedEstimator
from server.model.row_independence import same_bits
from server.model.value_kinds import NUMERIC_KINDS
from server.schema import TABLES, InputForm, Kind, Schema

log = structlog.get_logger()

NUMBERS = (0.0, 1.5, -2.25, 1e6)
"""Values that every column of numbers gets in turn."""
TEXTS = ("", "some other words, and some more", "Ünïcode 12 a_b")
UNKNOWN_WORD = "a category that no model has"


def evaluated_estimator(estimator: Any, schema: Schema) -> RecordedEstimator | None:
    """Return what to serve in place of an estimator of tables or texts: its part, if that gives the same answers.

    None where it is not known, or has another form of input. `schema` is the estimator's own.
    """
    if schema.form not in (InputForm.DATAFRAME, InputForm.OBJECTS, InputForm.TEXTS) or not schema.example_row:
        return None
    try:
        part = part_of(estimator)
    except Unknown:
        return None
    recorded = RecordedEstimator(as_record(estimator), part)
    named = replace(schema, named_table=True)
    for name in sorted(schema.methods):
        for own, ours in zip(_inputs(estimator, schema), _inputs(estimator, named), strict=True):
            if not _same(_outcome(getattr(estimator, name), own), _outcome(getattr(recorded, name), ours)):
                log.warning("direct evaluation is not exact for this model and is not used", method=name)
                return None
    return recorded


def _inputs(estimator: Any, schema: Schema) -> Iterator[Any]:
    """Yield the example, and rows like it with other numbers, words and missing values, as the schema has them."""
    yield example_input(schema)
    yield from (sent_rows_to_input(rows, schema, PLACE) for rows in _varied(schema))
    if schema.form in TABLES and schema.allows_missing:
        yield from (missing_input(schema, group) for group in column_groups(estimator, schema))


def _varied(schema: Schema) -> Iterator[Sequence[Any]]:
    if schema.form is InputForm.TEXTS:
        yield TEXTS
        return
    row = list(schema.example_row)
    kinds = schema.kinds or (Kind.NUMBER,) * len(row)
    numbers = [index for index, kind in enumerate(kinds) if kind in NUMERIC_KINDS]
    rows = [[value if index in numbers else old for index, old in enumerate(row)] for value in NUMBERS]
    yield rows
    categories = schema.categories or ((),) * len(row)
    words = [index for index, kind in enumerate(kinds) if kind is Kind.STRING and not categories[index]]
    if words:
        yield [[UNKNOWN_WORD if index in words else old for index, old in enumerate(row)]]


def _outcome(call: Any, X: Any) -> Any:
    """Return the answer, or the type of the refusal."""
    try:
        with np.errstate(all="ignore"):
            answer = call(X)
    except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
        return type(error).__name__
    return answer.toarray() if isinstance(answer, SparseRows) or hasattr(answer, "toarray") else answer


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) if isinstance(one, str) and isinstance(other, str) else same_bits(one, other)
