"""docs/compare.md: each statement about KubeServe links to a test that exists, and each about others to a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPARE = (ROOT / "docs" / "compare.md").read_text()
TESTS = sorted(set(re.findall(r"\]\(\.\./(tests/[\w/]+\.py)#(\w+)\)", COMPARE)))
ROWS = [line for line in COMPARE.splitlines() if line.startswith("| ") and not line.startswith(("| |", "| ---"))]
OURS = "**KubeServe**"
SAYS_NOTHING = re.compile(
    r"not (found|compared)\b.*|as you deploy the image|(by|that of) (its|their|what) .*|in their cloud"
)
"""Cells that say nothing of a project by itself."""


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("| ").split(" | ")]


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_linked_test_exists(path: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize("row", [row for row in ROWS if row.startswith(f"| {OURS}")])
def test_each_statement_about_kubeserve_links_to_a_test(row: str) -> None:
    assert all("](../tests/" in cell for cell in cells(row)[1:] if cell != "none")


@pytest.mark.parametrize("row", [row for row in ROWS if not row.startswith(f"| {OURS}")])
def test_each_statement_about_others_links_to_a_page(row: str) -> None:
    assert all("][" in cell or SAYS_NOTHING.fullmatch(cell) for cell in cells(row)[1:])


def test_each_reference_is_defined_and_used() -> None:
    used = set(re.findall(r"\]\[([\w-]+)\]", COMPARE))
    defined = dict(re.findall(r"^\[([\w-]+)\]: (https://\S+)$", COMPARE, re.MULTILINE))
    assert used == set(defined)
