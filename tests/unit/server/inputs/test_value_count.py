"""Values are counted in the bytes, without those that stand in strings, and refused in words."""

from __future__ import annotations

import csv
import io
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import TooLargeError
from server.inputs import value_count
from server.inputs.value_count import OUTER_LISTS, check_csv_values, check_json_values, check_number

texts = st.text(st.sampled_from('a,[]{}"\\:\n é'), max_size=6)
documents = st.recursive(
    st.none() | st.integers(0, 99) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=30,
)


def commas_and_openings(value: Any) -> tuple[int, int]:
    """Return how many separators and opening brackets the value's JSON has outside strings."""
    if not isinstance(value, list | dict):
        return 0, 0
    inner = [commas_and_openings(each) for each in (value.values() if isinstance(value, dict) else value)]
    separators = max(0, len(value) - 1)
    return separators + sum(commas for commas, _ in inner), 1 + sum(opened for _, opened in inner)


def is_accepted(check: Any, text: bytes, most: int) -> bool:
    try:
        check(text, most)
    except TooLargeError:
        return False
    return True


@given(document=documents, piece=st.integers(1, 9))
def test_check_json_values_counts_exactly_what_stands_outside_strings(document: Any, piece: int) -> None:
    text = orjson.dumps(document)
    commas, opened = commas_and_openings(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_count, "PIECE", piece)
        assert value_count._exact_counts(text) == (commas + 1, opened)
    values = max(commas + 1, opened - OUTER_LISTS)
    assert is_accepted(check_json_values, text, values)
    # A text of 2 * most bytes has at most so many values. Only a string can make a shorter text look longer.
    assert is_accepted(check_json_values, text, values - 1) == (len(text) <= 2 * (values - 1))


@given(rows=st.lists(st.lists(st.text(st.sampled_from('a,"\n\r é'), max_size=4), min_size=1, max_size=4), max_size=5))
def test_check_csv_values_counts_the_fields_that_the_reader_gives(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    fields = sum(map(len, csv.reader(io.StringIO(text.getvalue(), newline=""))))
    assert is_accepted(check_csv_values, text.getvalue().encode(), fields + len(rows))  # an empty line counts as one
    if fields > 1:
        assert not is_accepted(check_csv_values, text.getvalue().encode() * 2, fields - 1)


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        (b'{"data": [' + b"[1,2,3,4]," * 249 + b"[1,2,3,4]]}", True),
        (b'{"data": [' + b"[1,2,3,4]," * 250 + b"[1,2,3,4]]}", False),
        (b'{"data": [' + b"[]," * 1000 + b"[]]}", False),
        (b'{"data": [' + b"[[[1]]]," * 400 + b"[]]}", False),
        (b'{"data": [' + b'"1,2,3,4",' * 900 + b'""]}', True),
        (b'{"data": [' + b'"\\",2,[[[\\\\",' * 900 + b'""]}', True),
        (b'{"data": [' + b'"1,2",' * 1000 + b'""]}', False),
    ],
)
def test_check_json_values_at_the_limit(body: bytes, accepted: bool) -> None:
    assert is_accepted(check_json_values, body, 1000) == accepted


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        (b"a,b\n" + b"1,2\n" * 499, True),
        (b"a,b\n" + b"1,2\n" * 501, False),
        (b"a,b\r" + b"1,2\r" * 501, False),
        (b"a,b\r\n" + b"1,2\r\n" * 499, True),
        (b"," * 1001, False),
        (b"\n" * 1001, False),
        (b"text\n" + b'"a, ""b"", c,,,,\n"\n' * 900, True),
        (b'a"' + b"," * 1001, False),  # a quote within a field begins no string
    ],
)
def test_check_csv_values_at_the_limit(body: bytes, accepted: bool) -> None:
    assert is_accepted(check_csv_values, body, 1000) == accepted


@pytest.mark.parametrize(
    ("found", "words"), [(11, "has 11 values; at most 10"), (10**300, "has at least 1000000000000 ")]
)
def test_check_number_names_the_limit_and_its_setting(found: int, words: str) -> None:
    check_number(10, 10)
    with pytest.raises(TooLargeError, match=rf"{words}.*\(--max-values\)"):
        check_number(found, 10)
