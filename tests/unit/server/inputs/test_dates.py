"""Dates in ISO 8601: every form, both kinds of model, and what is refused."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import InputError
from server.inputs.dates import to_datetimes
from tests.examples import examples


def place(row: int) -> str:
    return f"x[{row}]"


@pytest.mark.parametrize(
    ("text", "zoned", "expected"),
    [
        ("2024-01-31", False, "2024-01-31T00:00:00"),
        ("2024-01-31T12:30:15", None, "2024-01-31T12:30:15"),
        ("20240131T123015", False, "2024-01-31T12:30:15"),
        ("2024-01-31 12:30", False, "2024-01-31T12:30"),
        ("2024-01-31T12:30:15Z", False, "2024-01-31T12:30:15"),
        ("2024-01-31T12:30:15+00:00", False, "2024-01-31T12:30:15"),
        ("2024-01-31T12:30:15+02:00", True, "2024-01-31T10:30:15"),
        ("2024-01-31T12:30:15-0130", True, "2024-01-31T14:00:15"),
        ("2024-01-31T12:30:15Z", None, "2024-01-31T12:30:15"),
        ("2024-01-31T12:30:15.25", False, "2024-01-31T12:30:15.25"),
        ("2024-01-31T12:30:15.123456789", False, "2024-01-31T12:30:15.123456789"),
        ("2024-01-31T12:30:15.1234567Z", True, "2024-01-31T12:30:15.1234567"),
        (None, None, "NaT"),
    ],
)
def test_to_datetimes_of_each_form_is_that_moment(text: Any, zoned: bool | None, expected: str) -> None:
    found, is_zoned = to_datetimes([text], place, zoned=zoned)
    np.testing.assert_array_equal(found, np.array([expected], "datetime64[ns]"))
    assert is_zoned == bool(zoned if zoned is not None or text is None else text.endswith("Z"))


@pytest.mark.parametrize(
    ("values", "zoned", "words"),
    [
        (["soon"], None, "x[0] is 'soon', which is no date in ISO 8601, such as 2024-01-31T12:00:00"),
        ([None, 1706659200], False, "x[1] is a number; a date in ISO 8601 is needed"),
        (["2024-02-30"], None, "x[0] is '2024-02-30', which is no date"),
        (["2024-01-31" + " " * 5000], None, "which is no date"),
        (["2024-01-31T12:00:00"], True, "the model's times have a zone: add Z or an offset"),
        (["2024-01-31T12:00:00+02:00"], False, "the model's times have no zone: send it without an offset"),
        (["2024-01-31T12:00:00Z", "2024-01-31"], None, "x[1] is '2024-01-31'; the model's times have a zone"),
        (["2024-01-31T12:00:00+02:00"], None, "the zone of the model's times is not known: send UTC with Z, or name"),
        (["2024-01-31", "2024-01-31T12:00:00+02:00"], None, "x[1] is '2024-01-31T12:00:00+02:00', and the zone of"),
        (["3000-01-01"], None, "x[0] is '3000-01-01'; dates from 1677-09-23 to 2262-04-10 are possible"),
        (["0001-01-01T00:00:00+10:00"], True, "x[0] is '0001-01-01"),
    ],
)
def test_to_datetimes_of_a_value_that_does_not_suit_names_it(values: Any, zoned: bool | None, words: str) -> None:
    with pytest.raises(InputError) as caught:
        to_datetimes(values, place, zoned=zoned)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


@examples(200)
@given(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(timezone.utc)))  # noqa: DTZ001, UP017
def test_to_datetimes_of_any_moment_keeps_it(moment: datetime) -> None:
    expected = np.datetime64(moment.replace(tzinfo=None), "ns")
    assert to_datetimes([moment.isoformat()], place, zoned=True)[0][0] == expected
    assert to_datetimes([moment.replace(tzinfo=None).isoformat()], place, zoned=False)[0][0] == expected
