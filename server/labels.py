"""Labels of a model → values that JSON has: one form in every protocol, in the metadata and in the metrics. Pure."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from server.short_steps import list_of, types_of

JSON_TYPES = frozenset({str, int, float, bool, type(None)})
"""Exact types that JSON has."""

PLAIN_ARRAYS = frozenset("?bhilqBHILQefdU")
"""Characters of the dtypes whose `tolist` has values of JSON: booleans, integers, floats up to float64, and str."""

INT64_MIN, UINT64_MAX = -(2**63), 2**64 - 1
"""The integers that orjson writes lie between these."""

MISSING = frozenset({"NaTType", "NAType"})
"""Names of pandas' types of a missing value. pandas itself may not be installed."""

ZEROS = re.compile(r"\.(\d*?)0+(?=$|[+-])")
"""The zeros at the end of a fraction of seconds."""

NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "D": 86_400 * 10**9,
    "W": 604_800 * 10**9,
}
"""By NumPy's unit of time. Years and months have no fixed length."""


def array_as_json(values: np.ndarray[Any, Any]) -> Any:
    """Return an array as nested lists of what JSON has. NaN and infinities of floats stay: orjson writes null."""
    listed = list_of(values)
    if values.dtype.char in PLAIN_ARRAYS:
        return listed
    # An array of objects nearly always holds strings, for which this check is all that is done.
    flat = listed if values.ndim == 1 else list_of(values.ravel())
    if values.dtype.kind == "O" and types_of(flat) <= JSON_TYPES:
        return listed
    converted = np.empty(values.size, dtype=object)
    for index, value in enumerate(values.ravel()):
        converted[index] = as_json(value)
    return converted.reshape(values.shape).tolist()


def as_json(value: Any) -> Any:
    """Return a label as JSON has it. Numbers, booleans, strings and None stay, and lists and dicts keep their form.

    Anything else becomes text: dates and durations of ISO 8601, bytes as UTF-8. A missing value is None, and so are NaN
    and infinities of NumPy's types. Those of a Python float stay: orjson writes null.
    """
    if type(value) in JSON_TYPES or is_dataclass(value):  # orjson writes a dataclass as an object
        return value
    for kind, form in FORMS:
        if isinstance(value, kind):
            return form(value)
    return None if type(value).__name__ in MISSING else as_text(value)


def as_text(value: Any) -> str:
    """Return a label as text, for BYTES tensors, metrics and the like."""
    words = next((words for kind, words in TEXTS if isinstance(value, kind)), str)
    return str(words(value))


def encodable(value: Any) -> Any:
    """Return a value of JSON with text for what orjson refuses: an integer beyond 64 bits, half a surrogate pair.

    The integer becomes its digits, and the half its escape. Other values stay. This visits all values, so it is called
    where an encoding has failed.
    """
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, int):
        return value if INT64_MIN <= value <= UINT64_MAX else str(value)
    if isinstance(value, list | tuple):
        return [encodable(item) for item in value]
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    return value


def writable(text: str) -> str:
    """Return the text with the escape of each half of a surrogate pair, which has no UTF-8."""
    return utf8(text).decode()


def utf8(text: str) -> bytes:
    """Return the text as UTF-8, as `writable` has it."""
    return text.encode("utf-8", "backslashreplace")


def _numpy_number(value: Any) -> Any:
    return float(value) if np.isfinite(value) else None


def _numpy_time(value: Any) -> str | None:
    return None if np.isnat(value) else as_text(value)


def _tuple(value: tuple[Any, ...]) -> str:
    return f"({', '.join(map(as_text, value))})"


def _bytes(value: Any) -> str:
    return bytes(value).decode("utf-8", "backslashreplace")


def _date(value: dt.date | dt.time) -> str:
    return _short(value.isoformat())


def _numpy_date(value: np.datetime64) -> str:
    unit, _ = np.datetime_data(value.dtype)
    # In these two units NumPy's own text ends at the hour or the minute, such as 2026-01-31T05.
    return _short(str(np.datetime_as_string(value, unit="s")) if unit in ("h", "m") else str(value))


def _short(date: str) -> str:
    """Return a date of ISO 8601 without zeros that say nothing: those of a fraction, and the time of midnight."""
    return ZEROS.sub(lambda found: f".{found[1]}" if found[1] else "", date).removesuffix("T00:00:00")


def _duration(value: dt.timedelta) -> str:
    seconds = value.days * 86_400 + value.seconds
    # A Timedelta of pandas is a timedelta that has nanoseconds, too.
    return _iso_duration(seconds * 10**9 + value.microseconds * 1000 + getattr(value, "nanoseconds", 0))


def _numpy_duration(value: np.timedelta64) -> str:
    unit, step = np.datetime_data(value.dtype)
    count = value.astype(np.int64).item() * step
    if np.isnat(value) or unit not in (*NANOSECONDS, "Y", "M"):
        return str(value)
    if unit in NANOSECONDS:
        return _iso_duration(count * NANOSECONDS[unit])
    return f"{'-' if count < 0 else ''}P{abs(count)}{unit}"


def _iso_duration(nanoseconds: int) -> str:
    """Return a duration of ISO 8601, such as P1DT2H30M or PT0.5S."""
    minutes, rest = divmod(abs(nanoseconds), 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    seconds = f"{rest // 10**9}.{rest % 10**9:09}".rstrip("0").rstrip(".")
    parts = ((hours, "H"), (minutes, "M"), (seconds, "S"))
    time = "".join(f"{count}{unit}" for count, unit in parts if count not in (0, "0"))
    if not nanoseconds:
        return "PT0S"
    return f"{'-' if nanoseconds < 0 else ''}P{f'{days}D' if days else ''}{f'T{time}' if time else ''}"


TEXTS: tuple[tuple[Any, Any], ...] = (
    (tuple, _tuple),
    (bytes | bytearray | memoryview, _bytes),
    (np.void, lambda value: as_text(value.item())),
    (Enum, lambda value: as_text(value.value)),
    (np.datetime64, _numpy_date),
    (np.timedelta64, _numpy_duration),
    (dt.date | dt.time, _date),
    (dt.timedelta, _duration),
)
"""Types whose `str` is not what people and programs read. A datetime is a date; NumPy's types are not Python's."""

FORMS: tuple[tuple[Any, Any], ...] = (
    (np.ndarray, array_as_json),
    (list, lambda value: [as_json(item) for item in value]),
    (dict, lambda value: {as_text(key): as_json(item) for key, item in value.items()}),
    (Enum, lambda value: as_json(value.value)),
    (np.datetime64 | np.timedelta64, _numpy_time),  # before integers: for NumPy a timedelta64 is one
    (np.bool_ | np.integer, lambda value: value.item()),
    (np.floating, _numpy_number),
)
"""Types whose form in JSON is not text, or not always."""
