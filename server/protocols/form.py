"""The form of a model's input for its page: fields with types, choices, ranges and an example. Pure.

Examples and choices are JSON texts. JavaScript has no integers beyond 2^53, and the page sends a text as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.inputs.columns import columns_of
from server.model.column_values import NOTHING, ColumnValues
from server.model.study import Study
from server.protocols.json_answer import encode_json
from server.schema import SINGLE_VALUES, TABLES, Evidence, InputForm, Kind, Schema

Json = dict[str, Any]
Range = tuple[float, float]

MAX_FIELDS = 200
"""Fields of a form. A model of more has a box of JSON: nobody fills in 784 pixels."""

DIGITS = 4
"""Significant digits of a range, which is a hint."""

SEEN = "the requests since the start"

NO_CSV = {
    InputForm.TOKENS: "a row is a list of words, which a CSV does not have",
}
NO_PREDICT = "the model has no predict(), which /invocations calls"


def form_of(schema: Schema, study: Study, seen: Mapping[str, Range], library: str, loaded: str) -> Json:
    """Return the description of the form.

    `schema` has a usual example, and `seen` the least and the largest value of each feature in requests.
    """
    fields = _fields(schema, study.columns, seen)
    return {
        "library": library,
        "loaded": loaded,
        "form": schema.form.value,
        "evidence": schema.evidence.value,
        "method": schema.main_method,
        "probabilities": "predict_proba" in schema.methods,
        "classes": list(schema.classes),
        "named": bool(schema.names),
        "fields": fields if len(fields) <= MAX_FIELDS else [],
        "features": schema.features,
        "example": _text(schema.example_as_sent if schema.example_row else [0.0, 0.0]),
        "example_source": _example_source(schema, study.columns),
        "explanation": {"possible": study.explainer is not None, "reason": study.unexplained},
        "csv": {"columns": _csv_columns(schema), "reason": _no_csv(schema)},
    }


def _example_source(schema: Schema, known: Sequence[ColumnValues]) -> str:
    """Return the end of "The example is …"; "" where there is none."""
    if schema.evidence in (Evidence.OWNER_EXAMPLE, Evidence.MLFLOW_EXAMPLE):
        return f"from {schema.evidence.value}"
    if not schema.example_row:
        return ""
    invented = schema.form is InputForm.TOKENS or (
        schema.form in TABLES and not schema.categories and all(values == NOTHING for values in known)
    )
    return "invented: the model knows no usual values" if invented else "from what the model knows of its training data"


def _fields(schema: Schema, known: Sequence[ColumnValues], seen: Mapping[str, Range]) -> list[Json]:
    if schema.form in TABLES:
        count = len(schema.columns)
        columns = columns_of(schema, count)
        values = known if len(known) == count else (NOTHING,) * count
        examples = schema.example_row if len(schema.example_row) == count else (None,) * count
        return [
            {
                "name": name,
                "type": column.kind.value,
                "example": _text(None if name in schema.unused else _short(example, column.kind)),
                "choices": [_text(choice) for choice in found.choices or column.categories],
                "range": _range(found, seen.get(name, seen.get(str(index)))) if column.kind in NUMBERS else None,
                "missing": schema.allows_missing or schema.form is not InputForm.MATRIX,
                "unused": name in schema.unused,
            }
            for index, (name, column, found, example) in enumerate(
                zip(schema.columns, columns, values, examples, strict=True)
            )
        ]
    if schema.form is InputForm.DICTS and schema.example_row:
        return [_field_of_key(name, value) for name, value in schema.example_row[0].items()]
    return []


NUMBERS = (Kind.NUMBER, Kind.INTEGER)


def _short(value: Any, kind: Kind) -> Any:
    """Return a number of a column of numbers as people write it: 49, not 49.0."""
    return int(value) if kind in NUMBERS and isinstance(value, float) and value.is_integer() else value


def _field_of_key(name: str, value: Any) -> Json:
    """Return the field of one key of a row that is an object. It may be left out, and so may its value."""
    kind = Kind.STRING if isinstance(value, str) else Kind.BOOLEAN if isinstance(value, bool) else Kind.NUMBER
    shown: Json = {"type": kind.value, "example": _text(value), "choices": [], "range": None}
    return {"name": name, **shown, "missing": True, "unused": False}


def _range(found: ColumnValues, seen: Range | None) -> Json | None:
    if found.low is not None and found.high is not None:
        low, high, source = found.low, found.high, found.source
    elif seen:
        (low, high), source = seen, SEEN
    else:
        return None
    return {"low": _rounded(low), "high": _rounded(high), "source": source}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _text(value: Any) -> str:
    return encode_json(value).decode()


def _csv_columns(schema: Schema) -> list[str]:
    if schema.form in TABLES:
        return [name for name in schema.columns if name not in schema.unused]
    if schema.form is InputForm.DICTS and schema.example_row:
        return list(schema.example_row[0])
    return ["text"] if schema.form in SINGLE_VALUES else []


def _no_csv(schema: Schema) -> str:
    return NO_CSV.get(schema.form, "") if "predict" in schema.methods else NO_PREDICT
