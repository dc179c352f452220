from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from kubeserve.frames import example_of, rows_of
from watcher.core.naming import INPUT_FILE_LIMIT

FRAME = pd.DataFrame(
    {
        "age": [31, 64],
        "city": ["Rome", None],
        "when": pd.to_datetime(["2026-01-31T10:00", None]),
        "zoned": pd.to_datetime(["2026-01-31T10:00", None]).tz_localize("Europe/Rome"),
        "size": pd.Categorical(["S", None], categories=["S", "L"]),
        "weight": [0.1 + 0.2, np.nan],
        "count": pd.array([7, None], dtype="Int64"),
        "member": [True, False],
    }
)


def test_rows_of_a_frame_are_objects_with_every_bit_and_null_for_missing() -> None:
    first, second = rows_of(FRAME)
    assert first == {
        "age": 31,
        "city": "Rome",
        "when": "2026-01-31T10:00:00",
        "zoned": "2026-01-31T10:00:00+01:00",
        "size": "S",
        "weight": 0.30000000000000004,
        "count": 7,
        "member": True,
    }
    assert second == {**dict.fromkeys(first), "age": 64, "member": False}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (np.array([[1.5, np.nan]]), [[1.5, None]]),
        (np.array([[1, 2]], dtype=np.int32), [[1, 2]]),
        (np.array([["a", 1, None]], dtype=object), [["a", 1, None]]),
        (sparse.csr_matrix([[0.0, 2.0]]), [[0.0, 2.0]]),
        ([[1, float("nan")]], [[1, None]]),
        (["some text"], ["some text"]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        ([{"city": np.float32(0.5)}], [{"city": 0.5}]),
        ([[datetime(2026, 1, 31, tzinfo=UTC)]], [["2026-01-31T00:00:00+00:00"]]),
    ],
)
def test_rows_of_what_people_have(rows: object, expected: list[object]) -> None:
    found = rows_of(rows)
    assert found == expected
    json.dumps(found, allow_nan=False)


def test_example_of_a_frame_has_the_dtypes_that_rows_do_not_show() -> None:
    found = json.loads(example_of(FRAME))
    assert len(found["data"]) == 2
    assert found["dtypes"]["size"] == ["S", "L"]
    assert found["dtypes"]["age"] == "int64"
    assert found["dtypes"]["zoned"].endswith(", Europe/Rome]")
    assert "city" not in found["dtypes"]


def test_example_of_many_wide_rows_is_small_enough() -> None:
    assert len(json.loads(example_of(np.zeros((1000, 3))))["data"]) == 64
    assert len(example_of(np.full((64, 20_000), 0.123456789))) <= INPUT_FILE_LIMIT
