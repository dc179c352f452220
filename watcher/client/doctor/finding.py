"""A finding: what one check says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from watcher.core.text import masked


class Verdict(StrEnum):
    """What a check says. A `skip` could not run, and says why."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says, and the commands to paste that remedy it. Addresses in them have no login."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> Finding:
    """Return the finding that nothing is wrong."""
    return Finding(name, Verdict.OK, masked(detail))


def warn(name: str, detail: str, remedy: str = "") -> Finding:
    """Return the finding that something works worse than it could."""
    return Finding(name, Verdict.WARN, masked(detail), masked(remedy))


def fail(name: str, detail: str, remedy: str = "") -> Finding:
    """Return the finding that something does not work."""
    return Finding(name, Verdict.FAIL, masked(detail), masked(remedy))


def skip(name: str, why: str) -> Finding:
    """Return that a check could not run."""
    return Finding(name, Verdict.SKIP, masked(why))
