from __future__ import annotations

from datetime import date

import pytest

from watcher.client.versions import next_version
from watcher.core.naming import version_order
from watcher.errors import Rejected

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        ([], "v1"),
        (["v1"], "v2"),
        (["v10", "v9"], "v11"),
        (["9"], "10"),
        (["v007"], "v008"),
        (["run-41"], "run-42"),
        (["1.4.2"], "1.4.3"),
        (["v1.4.9"], "v1.4.10"),
        (["1.0.0-rc1"], "1.0.0-rc2"),
        (["1.0.0+build7"], "1.0.1"),
        (["2026-11-29"], "2026-11-30"),
        (["2026-11-30"], "2026-11-30.1"),
        (["2026-11-30.1"], "2026-11-30.2"),
        (["2026-11-20.4"], "2026-11-30"),
        (["20261129"], "20261130"),
        (["2027-01-01"], "2027-01-01.1"),
    ],
)
def test_next_version_counts_on_from_the_highest(existing: list[str], expected: str) -> None:
    found = next_version(existing, TODAY)
    assert found == expected
    assert all(version_order(found) > version_order(before) for before in existing)


@pytest.mark.parametrize("highest", ["a3f9c2", "final", "v2-final", "1e5", f"{'9' * 18}", "v" + "9" * 18])
def test_next_version_after_one_without_a_number_asks_for_it_or_is_higher(highest: str) -> None:
    try:
        found = next_version([highest], TODAY)
    except Rejected as error:
        assert f"--version {highest}-2" in str(error)  # noqa: PT017 - both ends are right, by the highest
    else:
        assert version_order(found) > version_order(highest)
