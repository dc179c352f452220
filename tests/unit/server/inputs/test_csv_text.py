"""CSV: blocks of lines give what all fields together give, and the first line is a header or a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.errors import InputError, TooLargeError
from server.inputs import csv_text
from server.inputs.csv_text import read_csv
from server.schema import InputForm, Schema
from tests.unit.server import example_models
from tests.unit.server.example_models import schema_of

PLAIN, NAMED, NUMBERED, UNKNOWN = Schema(2), Schema(2, ("a", "b")), Schema(2, ("0", "1")), Schema()
INTEGERS = [Schema(2, dtype="int64", allows_missing=missing) for missing in (False, True)]
PEOPLE, TEXTS = schema_of(example_models.people), schema_of(example_models.texts)
OBJECTS = Schema(2, form=InputForm.OBJECTS)

fields = st.sampled_from(
    ["1", "-2.5", "1e3", "", "nan", "inf", "1e400", "x", '"3"', '"a,b"', '""', " 4 ", "9007199254740993", "1_0", "٣"]
)
plain_fields = st.floats(-9, 9).map(str) | st.integers(0, 99).map(str)
lines = st.lists(plain_fields, min_size=2, max_size=2) | st.lists(fields, max_size=3)


def outcome(body: bytes, schema: Schema, *, has_header: bool | None) -> tuple[str, Any]:
    try:
        return "", read_csv(body, schema, has_header=has_header)
    except InputError as error:
        return str(error), None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.sampled_from(["a,b", "b,a", "a,b,c", "x0,x1", "1,2", ""]),
    rows=st.lists(lines, max_size=7),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    schema=st.sampled_from([PLAIN, Schema(2, allows_missing=True), NAMED, UNKNOWN, *INTEGERS]),
    has_header=st.sampled_from([None, True, False]),
)
def test_read_csv_in_blocks_is_read_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
    header: str,
    rows: list[list[str]],
    end: str,
    schema: Schema,
    has_header: bool | None,
) -> None:
    body = end.join([header, *map(",".join, rows)]).encode()
    monkeypatch.setattr(csv_text, "BLOCK", 6)
    in_blocks = outcome(body, schema, has_header=has_header)
    with monkeypatch.context() as whole:
        whole.setattr(csv_text, "_read_matrix", lambda *_: None)
        as_a_whole = outcome(body, schema, has_header=has_header)
    assert in_blocks[0] == as_a_whole[0]
    np.testing.assert_array_equal(in_blocks[1], as_a_whole[1], strict=True)


@pytest.mark.parametrize(
    ("body", "schema", "has_header", "rows"),
    [
        (b"5.1,3.5\n6.7,3.0\n", PLAIN, None, [[5.1, 3.5], [6.7, 3.0]]),
        (b"\xef\xbb\xbf5.1,3.5\n", NAMED, None, [[5.1, 3.5]]),
        (b"5,\n6,7\n", Schema(2, allows_missing=True), None, [[5, np.nan], [6, 7]]),
        (b"x,y\n1,2\n", PLAIN, None, [[1, 2]]),
        (b"b,a\n1,2\n", NAMED, None, [[2, 1]]),
        (b"1,0\n1,2\n", NUMBERED, None, [[2, 1]]),
        (b"0,1\n1,2\n", NUMBERED, None, [[1, 2]]),
        (b"0,1\n1,2\n", PLAIN, True, [[1, 2]]),
        (b"0,1\n1,2\n", PLAIN, False, [[0, 1], [1, 2]]),
        (b"5.1,3.5\n1,2\n", PLAIN, True, [[1, 2]]),
        (b"5.1,3.5\n1,2\n", UNKNOWN, False, [[5.1, 3.5], [1, 2]]),
    ],
)
def test_read_csv_first_line_is_a_header_or_a_row(
    body: bytes, schema: Schema, has_header: bool | None, rows: list[list[float]]
) -> None:
    np.testing.assert_array_equal(read_csv(body, schema, has_header=has_header), rows)


@pytest.mark.parametrize(
    ("body", "schema", "has_header", "words"),
    [
        (
            b"0,1\n1,2\n",
            PLAIN,
            None,
            r"the first line of the CSV is numbers, '0', '1': .*header=present .*header=absent",
        ),
        (b"5,6\n1,2\n", UNKNOWN, None, "the first line of the CSV is numbers"),
        (b"10,20\nRome,2\n", OBJECTS, None, "the first line of the CSV is numbers, '10', '20': .*header=present"),
        (b"5,6,7\n1,2,3\n", PLAIN, None, "line 1 has 3 values; the model takes 2"),
        (b"\n\n5,6,7\n", PLAIN, False, "line 3 has 3 values; the model takes 2"),
        (b"5,6\n1,2,3\n", PLAIN, None, "line 2 has 3 fields; the first line has 2"),
        (b"x,y\n1,2\n", PLAIN, False, "is a string; a number is needed"),
        (b"a,b\n1,2\n1_000,2\n", NAMED, None, r"the CSV\['a'\]\[1\] is a string; a number is needed"),
        (b"5,6\n1,2\n", NAMED, True, "has unknown '5', '6'"),
        (b"", PLAIN, None, "needs a line of column names and at least one row"),
        (b"a,b\n", PLAIN, None, "needs a line of column names and at least one row"),
        (b"a,b\n1,\xff\n", PLAIN, None, "not CSV in UTF-8"),
        (b'a,b\n1,"x\n', PLAIN, None, "not CSV in UTF-8"),
    ],
)
def test_read_csv_says_what_is_wrong(body: bytes, schema: Schema, has_header: bool | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_csv(body, schema, has_header=has_header)


def test_read_csv_without_a_header_for_a_model_of_columns_uses_its_names() -> None:
    assert PEOPLE.form is InputForm.DATAFRAME
    row = ",".join(map(str, PEOPLE.example_row))
    frame = read_csv(f"{row}\n{row}\n".encode(), PEOPLE, has_header=False)
    assert (list(frame.columns), len(frame)) == (list(PEOPLE.names), 2)


@pytest.mark.parametrize(("has_header", "texts"), [(None, ["8"]), (True, ["8"]), (False, ["7", "8"])])
def test_read_csv_of_texts_takes_the_first_line_as_a_header_by_default(
    has_header: bool | None, texts: list[str]
) -> None:
    assert read_csv(b"7\n8\n", TEXTS, has_header=has_header).tolist() == texts


def test_read_csv_of_too_many_fields_is_refused() -> None:
    assert len(read_csv(b"a,b\n" + b"1,2\n" * 9, PLAIN, 20)) == 9
    with pytest.raises(TooLargeError, match="--max-values"):
        read_csv(b"a,b\n" + b"1,2\n" * 10, PLAIN, 20)


def test_read_csv_of_many_rows_makes_few_objects_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = csv_text.as_matrix_or_none
    monkeypatch.setattr(
        csv_text, "as_matrix_or_none", lambda rows, *a, **b: (sizes.append(len(rows) * 2), real(rows, *a, **b))[1]
    )
    assert len(read_csv(b"a,b\n" + b"1,2\n" * 20_000, PLAIN)) == 20_000
    assert max(sizes) <= csv_text.BLOCK


@pytest.mark.parametrize(("rows", "pauses"), [(1, 0), (4, 0), (5, 1), (12, 2)])
def test_read_csv_pauses_between_two_blocks_only(monkeypatch: pytest.MonkeyPatch, rows: int, pauses: int) -> None:
    slept: list[float] = []
    monkeypatch.setattr(csv_text, "BLOCK", 8)  # four rows of two values
    monkeypatch.setattr(csv_text.time, "sleep", slept.append)
    assert read_csv(b"a,b\n" + b"1,2\n" * rows, NAMED).shape == (rows, 2)
    assert slept == [csv_text.PAUSE] * pauses
