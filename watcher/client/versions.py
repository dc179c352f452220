"""The version that follows the highest one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from watcher.core.naming import version_order, version_problem
from watcher.errors import Rejected

FIRST = "v1"

NUMBERED = re.compile(r"(?P<before>(?:[A-Za-z]+[._-]?)?|v?(?:\d+\.)+|.*[._-](?:[A-Za-z]+)?)(?P<number>\d{1,18})")
"""A version whose last number counts: `v9`, `9`, `run-41`, `1.4.2`, `v1.0.0-rc1`; in a digest such as `a3f9c2` none."""

DAY = re.compile(
    r"(?P<day>(?P<year>20\d\d)(?P<dash>-?)(?:0[1-9]|1[0-2])(?P=dash)(?:0[1-9]|[12]\d|3[01]))(?:\.\d{1,9})?"
)
"""A date, `2026-11-30` or `20261130`, and the number of a further version of that day, `2026-11-30.1`."""


def next_version(existing: Iterable[str], today: date) -> str:
    """Return the version after the highest of `existing`: counted on, or today where versions are dates.

    Raises:
        Rejected: `NoNextVersion`, the highest is neither numbered nor a date.

    """
    highest = max(existing, key=version_order, default="")
    if not highest:
        return FIRST
    for found in _followers(highest, today):
        if version_order(found) > version_order(highest) and not version_problem(found):
            return found
    raise Rejected(
        "NoNextVersion",
        f"no version follows from '{highest}', which is the highest: name the new one, such as --version {highest}-2",
    )


def _followers(highest: str, today: date) -> Iterable[str]:
    """Return what could follow, the most natural first."""
    main = highest.partition("+")[0]  # build metadata belongs to one build
    if found := DAY.fullmatch(main):
        return [
            today.strftime(f"%Y{found['dash']}%m{found['dash']}%d"),
            _counted_on(main) if "." in main else f"{main}.1",
        ]
    return [_counted_on(main)] if NUMBERED.fullmatch(main) else []


def _counted_on(version: str) -> str:
    """Return the version with its last number one higher, as wide as before: `v007` becomes `v008`."""
    found = re.fullmatch(r"(.*?)(\d+)", version)
    assert found
    return f"{found[1]}{int(found[2]) + 1:0{len(found[2])}d}"
