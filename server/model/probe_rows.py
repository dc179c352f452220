"""Rows to try a model on before it serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from server.inputs.json_rows import rows_to_input
from server.schema import Schema

PLACE = "the example"


def example_input(schema: Schema) -> Any:
    """Return the schema's example row in the form that the model takes, as an array or a frame of its own."""
    return sent_rows_to_input([schema.example_as_sent], schema, PLACE)


def missing_input(schema: Schema, columns: Sequence[int]) -> Any:
    """Return the example row as the model takes it, with a missing value in these columns."""
    missing = frozenset(columns)
    row = [None if index in missing else value for index, value in enumerate(schema.example_row)]
    return sent_rows_to_input([row], replace(schema, allows_missing=True), PLACE)


def sent_rows_to_input(rows: Sequence[Any], schema: Schema, place: str) -> Any:
    """Return rows of a client as the model takes them. Raise InputError as a request's rows do."""
    return rows_to_input(list(rows), schema, place, no_strings=False)


def random_rows(features: int, rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return finite numbers of many sizes and both signs, integers and zeros among them; always the same."""
    rng = np.random.default_rng(20260801)
    values = rng.normal(size=(rows, features)) * 10.0 ** rng.integers(-3, 4, size=(rows, features))
    values[::4] = np.round(values[::4])
    values[1::4] = rng.normal(size=values[1::4].shape)
    return np.ascontiguousarray(values)
