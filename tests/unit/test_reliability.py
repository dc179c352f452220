"""The fault table is complete: each row that is not on the node has a test of its own."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.rows import ROWS, load

CHAOS = Path(__file__).parents[1] / "chaos"
ON_THE_NODE = {15}
"""Rows that `make test-cluster` tests."""


def test_rows_have_a_file_each_and_files_have_a_row() -> None:
    files = {int(path.name[8:10]) for path in CHAOS.glob("test_row*.py")}
    assert {row.number for row in ROWS} - ON_THE_NODE == files


def test_figures_belong_to_rows() -> None:
    assert {int(number) for number in load()} <= {row.number for row in ROWS}
