"""Spoil the recorded state of an estimator, to show that it is then unknown."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from server.model.families.registry import part_of
from server.model.pickledata.records import Record, Unknown, as_record


def recorded(value: Any) -> Any:
    """Return a value with records in place of objects, all the way down, as a file read as data gives it."""
    if type(value) is dict:
        return {key: recorded(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(recorded(each) for each in value)
    if _is_array_of_objects(value):
        return _mapped(recorded, value)
    if type(value).__module__.startswith(("sklearn.", "_loss")):
        record = as_record(value)
        return Record(record.name, recorded(record.args), recorded(record.state))
    return copy.deepcopy(value) if hasattr(value, "dtype") else value


def _is_array_of_objects(value: Any) -> bool:
    return hasattr(value, "dtype") and value.dtype == object and value.ndim > 0


def _mapped(change: Callable[[Any], Any], array: Any) -> Any:
    changed = array.copy()
    changed.ravel()[:] = [change(each) for each in array.ravel().tolist()]
    return changed


def assert_unknown(estimator: Any, spoil: Callable[[dict[str, Any]], object], match: str = "not known as data") -> None:
    """Raise AssertionError unless the estimator is known, and unknown once `spoil` has changed its recorded state."""
    part_of(recorded(estimator))
    record = recorded(estimator)
    spoil(record.state)
    with pytest.raises(Unknown, match=match):
        part_of(record)
