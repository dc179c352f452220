from __future__ import annotations

from dev.docs import README, filled


def test_the_readme_tables_are_current() -> None:
    assert README.read_text() == filled(README.read_text())
