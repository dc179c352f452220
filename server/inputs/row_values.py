"""Rows that are one value each, without columns: texts, dicts and lists of tokens. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.columns import NAN
from server.inputs.wording import kind_of, quoted
from server.short_steps import objects_of, types_of

VALUES = (str, int, float, bool, type(None))
"""The types of a dict's values. DictVectorizer and FeatureHasher count and encode these."""


def texts_to_input(data: list[Any], place: str) -> np.ndarray[Any, Any]:
    """Return one string for each row; a row may also be a list or an object of one string."""
    found = [_only_value(row) for row in data]
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise InputError(f"{place}[{index}] is {kind_of(data[index])}; this model takes a string for each row")
    return objects_of(found)


def _only_value(row: Any) -> Any:
    if isinstance(row, list | dict) and len(row) == 1:
        return row[0] if isinstance(row, list) else next(iter(row.values()))
    return row


def dicts_to_input(data: list[Any], place: str) -> list[dict[str, Any]]:
    """Return one dict for each row, with NaN for null."""
    return [_plain_dict(row, f"{place}[{index}]") for index, row in enumerate(data)]


def _plain_dict(row: Any, place: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise InputError(
            f'{place} is {kind_of(row)}; this model takes an object for each row, such as {{"city": "Rome"}}'
        )
    for name, value in row.items():
        if not isinstance(value, VALUES):
            raise InputError(f"{place}[{quoted(name)}] is {kind_of(value)}; a number, a string or a boolean is needed")
    return {name: NAN if value is None else value for name, value in row.items()} if None in row.values() else row


def tokens_to_input(data: list[Any], place: str) -> list[list[str]]:
    """Return one list of strings for each row."""
    for index, row in enumerate(data):
        if not isinstance(row, list):
            raise InputError(f"{place}[{index}] is {kind_of(row)}; this model takes a list of strings for each row")
        if not types_of(row) <= {str}:
            at = next(at for at, token in enumerate(row) if not isinstance(token, str))
            raise InputError(f"{place}[{index}][{at}] is {kind_of(row[at])}; this model takes lists of strings")
    return list(data)  # the request's own list is emptied when it has been read
