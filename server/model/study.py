"""A second look at the model, for people who look at its pages: a usual example, ranges, choices, and explanations.

Nothing of this is made at the start: a server that nobody looks at takes no time and no memory for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from server.errors import ModelError, first_line
from server.model.allow_list import AllowList
from server.model.column_values import NOTHING, ColumnValues, column_values, usual_dict, usual_number, usual_text
from server.model.explanation.explainer import Explainer
from server.model.explanation.unexplained import UnexplainedError
from server.model.fitted_parts import parts_of
from server.model.load_policy import LoadPolicy, read_as_data
from server.model.loader import LoadedModel, digest_of, unpickle
from server.model.recorded_estimator import RecordedEstimator
from server.model.value_kinds import NUMERIC_KINDS
from server.schema import TABLES, Evidence, InputForm, Kind, Schema

log = structlog.get_logger()

MAX_FILE = 32 * 1024 * 1024
"""Bytes of a model file that is read a second time: it takes time of the processor next to the predictions, and
memory."""

FROM_OWNER = (Evidence.OWNER_EXAMPLE, Evidence.MLFLOW_EXAMPLE)

IF_NOTHING_IS_KNOWN = 1.0
"""In place of a number of which nothing is known. Zero is the one value that a linear model does not weigh."""


@dataclass(frozen=True, slots=True)
class Study:
    """What a second look at a model shows."""

    row: tuple[Any, ...]
    """A usual row, as the schema's example row is one. The model may refuse it."""
    columns: tuple[ColumnValues, ...] = ()
    """One for each feature of a table."""
    explainer: Explainer | None = None
    unexplained: str = ""
    """Why there is no explainer."""


def study_model(model: LoadedModel, path: Path, allowed: AllowList | None = None) -> Study:
    """Return what the model knows of usual values, and how its answers can be explained.

    The file is read again where only the parts of the model are kept. Nothing here fails: what cannot be found out is
    left out.
    """
    try:
        estimator = _again(model, path, allowed)
    except (ModelError, OSError) as error:
        return Study(model.schema.example_row, unexplained=first_line(error))
    columns = _columns(estimator, model.schema)
    row = _usual_row(estimator, model.schema, columns)
    value = estimator.record if type(estimator) is RecordedEstimator else estimator
    try:
        return Study(row, columns, Explainer(value, model.schema))
    except UnexplainedError as error:
        return Study(row, columns, unexplained=error.reason)
    except Exception as error:  # noqa: BLE001 - a live model's parts may be anything
        log.warning("the model's answers cannot be explained", error=f"{type(error).__name__}: {first_line(error)}")
        return Study(row, columns, unexplained="one of its parts is not as expected; see the server's log")


def _again(model: LoadedModel, path: Path, allowed: AllowList | None) -> Any:
    """Return the estimator. Raise ModelError if its file is too large, or not the one that is served."""
    if model.estimator is not None:
        return model.estimator
    if path.stat().st_size > MAX_FILE:
        raise ModelError(f"its file is larger than {MAX_FILE >> 20} MiB, too large to be read a second time")
    if digest_of(path) != model.digest:
        raise ModelError("its file has changed since it was loaded")
    return read_as_data(path) if model.loaded == LoadPolicy.DATA.value else unpickle(path, allowed)[0]


def _columns(estimator: Any, schema: Schema) -> tuple[ColumnValues, ...]:
    if schema.form not in TABLES:
        return ()
    try:
        found = column_values(estimator, schema)
    except Exception as error:  # noqa: BLE001 - the attributes of a live model may be anything
        log.warning("usual values are not known", error=f"{type(error).__name__}: {first_line(error)}")
        return ()
    kinds = schema.kinds or (Kind.NUMBER,) * len(found)
    categories = schema.categories or ((),) * len(found)
    return tuple(
        replace(values, choices=tuple(known)) if known else values if kind is not Kind.BOOLEAN else NOTHING
        for values, kind, known in zip(found, kinds, categories, strict=True)
    )


# ---- an example --------------------------------------------------------------------------------------------------


def _usual_row(estimator: Any, schema: Schema, columns: tuple[ColumnValues, ...]) -> tuple[Any, ...]:
    row = schema.example_row
    if schema.evidence in FROM_OWNER or not row:
        return row
    if schema.form in USUAL_VALUES:
        return _usual_value(estimator, schema)
    if schema.form not in TABLES or len(columns) != len(row):
        return row
    kinds = schema.kinds or (Kind.NUMBER,) * len(row)
    if schema.dtype == "int64":  # of encoders, whose own categories are the example
        return row
    known = any(values != NOTHING for values in columns) or any(row)
    otherwise = None if known else IF_NOTHING_IS_KNOWN
    return tuple(_usual(*each, otherwise) for each in zip(row, kinds, columns, strict=True))


def _usual_value(estimator: Any, schema: Schema) -> tuple[Any, ...]:
    """Return a row that is one value, of the words or keys that the first part knows."""
    parts = parts_of(estimator, (), ())
    try:
        return (USUAL_VALUES[schema.form](parts[0].estimator) or schema.example_as_sent,)
    except (AttributeError, TypeError):  # a vectorizer that keeps no words
        return schema.example_row


USUAL_VALUES: Mapping[InputForm, Callable[[Any], Any]] = {InputForm.DICTS: usual_dict, InputForm.TEXTS: usual_text}


def _usual(value: Any, kind: Kind, known: ColumnValues, otherwise: float | None) -> Any:
    """Return the usual value of a column of numbers; any other keeps its own, which is one of the choices."""
    is_number = kind in NUMERIC_KINDS and kind is not Kind.BOOLEAN and isinstance(value, int | float)
    usual = otherwise if known.usual is None else known.usual
    if not is_number or usual is None or known.choices:
        return value
    return round(usual) if kind is Kind.INTEGER else usual_number(usual)
