"""The decisions in docs/adr: each has a number of its own, that of its title and of its file."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

DECISIONS = sorted((Path(__file__).parents[2] / "docs" / "adr").glob("*.md"))


def test_each_decision_has_a_number_of_its_own() -> None:
    numbers = Counter(path.name[:4] for path in DECISIONS)
    assert [number for number, files in numbers.items() if files > 1] == []


def test_the_title_of_each_decision_has_the_number_of_its_file() -> None:
    titles = {path.name: path.read_text().split("\n", 1)[0] for path in DECISIONS}
    assert titles
    assert [name for name, title in titles.items() if not re.match(rf"# {int(name[:4])}\. \S", title)] == []
