"""Rows as people have them in Python (a DataFrame, an array, lists) → JSON, and the example of a model's input.

pandas and NumPy are not imported: what is passed in has brought them.
"""

from __future__ import annotations

import json
from typing import Any

from watcher.core.naming import INPUT_FILE_LIMIT

ROWS = 64
"""Rows of an example: so many are tried when a model is loaded."""


def is_frame(rows: Any) -> bool:
    """Return whether the rows are a DataFrame."""
    return hasattr(rows, "columns") and hasattr(rows, "dtypes") and hasattr(rows, "itertuples")


def rows_of(rows: Any) -> list[Any]:
    """Return the rows as JSON has them: objects by column name of a DataFrame, lists of an array; None for missing."""
    if is_frame(rows):
        names = [str(name) for name in rows.columns]
        return [dict(zip(names, map(plain, row), strict=True)) for row in rows.itertuples(index=False, name=None)]
    if hasattr(rows, "toarray"):  # a sparse matrix
        rows = rows.toarray()
    return [plain(row) for row in (rows.tolist() if hasattr(rows, "tolist") else rows)]


def plain(value: Any) -> Any:
    """Return one value, or a row of values, as JSON has it."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return plain(value.tolist())
    if _is_missing(value):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


def _is_missing(value: Any) -> bool:
    """Return whether the value is NaN, NaT or pandas' NA, which is neither equal to itself nor different."""
    return type(value).__name__ in {"NAType", "NaTType"} or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


def example_of(rows: Any) -> bytes:
    """Return the content of input-example.json: the first rows, and the dtypes of a DataFrame that they do not show."""
    first = rows.head(ROWS) if is_frame(rows) else rows[:ROWS]
    body: dict[str, Any] = {"data": rows_of(first)}
    if is_frame(rows) and (dtypes := _dtypes(rows)):
        body["dtypes"] = dtypes
    content = _encoded(body)
    while len(content) > INPUT_FILE_LIMIT and len(body["data"]) > 1:
        body["data"] = body["data"][: len(body["data"]) // 2]
        content = _encoded(body)
    return content


def _encoded(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


def _dtypes(frame: Any) -> dict[str, Any]:
    """Return the dtypes by column; a list of the categories for a categorical one. Text and objects say nothing."""
    found: dict[str, Any] = {}
    for name, dtype in frame.dtypes.items():
        if hasattr(dtype, "categories"):
            found[str(name)] = [plain(value) for value in dtype.categories]
        elif str(dtype) not in {"object", "str", "string"}:
            found[str(name)] = str(dtype)
    return found
