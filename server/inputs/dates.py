"""Dates and times in ISO 8601 → datetime64. Pure.

A model fitted on times of a zone takes a time with `Z` or an offset. A model fitted without zones takes a time without
one, or with `Z`, whose clock is then the model's. Any other pair would be a guess, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from server.errors import InputError
from server.inputs.wording import Place, kind_of, quoted

LONGEST = 64
"""Characters of a date in any form of ISO 8601, with room."""
NANOSECONDS = re.compile(r"[.,]\d{6}(\d{1,3})")
"""The digits of a time that Python's own type does not hold."""
FIRST, LAST = datetime(1677, 9, 23, tzinfo=UTC), datetime(2262, 4, 10, tzinfo=UTC)
"""The range of datetime64[ns], less a day for offsets."""


class UnknownZoneError(InputError):
    """A time has an offset, and nobody says in which zone the model needs it."""


def to_datetimes(values: Sequence[Any], place: Place, *, zoned: bool | None) -> tuple[np.ndarray[Any, Any], bool]:
    """Return the values as datetime64[ns] with NaT for null, and whether they are instants of UTC.

    `zoned` says whether the model was fitted on times with a zone; None: as the first value has it, which is then a
    time without a zone or one in UTC.

    Raises:
        UnknownZoneError: a value has an offset, and `zoned` is None.
        InputError: names the first value that is no date, or whose zone does not suit.

    """
    found = np.full(len(values), np.datetime64("NaT"), "datetime64[ns]")
    zone_is_unknown = zoned is None
    for row, value in enumerate(values):
        if value is None:
            continue
        moment = _parsed(value, place, row)
        if zone_is_unknown and moment.utcoffset() not in (None, timedelta(0)):
            raise UnknownZoneError(
                f"{place(row)} is {quoted(value)}, and the zone of the model's times is not known: send UTC with Z, or "
                'name the zone in the dtypes of input-example.json, such as "datetime64[ns, Europe/Rome]"'
            )
        zoned = moment.tzinfo is not None if zoned is None else zoned
        _check_zone(value, moment, place(row), zoned=zoned)
        # Compared before the change to UTC, which fails in the first and last hours of Python's calendar.
        if not FIRST <= moment.replace(tzinfo=UTC) <= LAST:
            raise InputError(f"{place(row)} is {quoted(value)}; dates from 1677-09-23 to 2262-04-10 are possible")
        instant = moment.astimezone(UTC) if moment.tzinfo else moment
        digits = NANOSECONDS.search(value)
        beyond = int(digits[1].ljust(3, "0")) if digits else 0
        found[row] = np.datetime64(instant.replace(tzinfo=None), "ns") + np.timedelta64(beyond, "ns")
    return found, bool(zoned)


def _parsed(value: Any, place: Place, row: int) -> datetime:
    if not isinstance(value, str):
        raise InputError(f"{place(row)} is {kind_of(value)}; a date in ISO 8601 is needed, such as 2024-01-31T12:00:00")
    try:
        if len(value) <= LONGEST:
            return datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        pass
    raise InputError(f"{place(row)} is {quoted(value)}, which is no date in ISO 8601, such as 2024-01-31T12:00:00")


def _check_zone(value: str, moment: datetime, place: str, *, zoned: bool) -> None:
    if zoned and moment.tzinfo is None:
        raise InputError(
            f"{place} is {quoted(value)}; the model's times have a zone: add Z or an offset such as +02:00"
        )
    if not zoned and moment.utcoffset() not in (None, timedelta(0)):
        raise InputError(f"{place} is {quoted(value)}; the model's times have no zone: send it without an offset")
