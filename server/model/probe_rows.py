"""Rows to try a model on before it serves."""

from __future__ import annotations

from typing import Any

import numpy as np

from server.inputs.dataframe import to_dataframe
from server.schema import InputForm, Schema


def example_input(schema: Schema) -> Any:
    """Return the schema's example row in the form that the model takes, as an array or a frame of its own."""
    if schema.form is InputForm.DATAFRAME:
        return to_dataframe([[value] for value in schema.example_row], schema)
    if schema.form is InputForm.TEXTS:
        return np.array(schema.example_row, dtype=object)
    return np.array([schema.example_row], dtype=object if schema.form is InputForm.OBJECTS else np.float64)


def random_rows(features: int, rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return finite numbers of many sizes and both signs, integers and zeros among them; always the same."""
    rng = np.random.default_rng(20260801)
    values = rng.normal(size=(rows, features)) * 10.0 ** rng.integers(-3, 4, size=(rows, features))
    values[::4] = np.round(values[::4])
    values[1::4] = rng.normal(size=values[1::4].shape)
    return np.ascontiguousarray(values)
