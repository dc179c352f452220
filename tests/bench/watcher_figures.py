"""What `make bench-watcher` measured, as a table of docs/performance.md. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one number of models. Times are in seconds."""

    models: int
    bare: float
    """A bare loop of the server-side applies of the same objects, by as many threads as the watcher has workers."""
    from_nothing: float
    """From the start of a watcher, whose bucket holds all models, until all their objects are there."""
    restart: float
    """From the start of a watcher, whose models all run, until it shows each as Ready."""
    restart_writes: int
    at_rest_writes: int
    processor: float
    """Share of a core at rest."""
    survey: float
    one_alone: float
    """From an upload to its Deployment, at the median, while nothing else changes."""
    one_among_pending: float
    """The same while other models wait for their pods."""
    mib: float

    @property
    def ratio(self) -> float:
        return self.from_nothing / self.bare


ROWS = (
    ("bare loop of the same applies, s", lambda item: f"{item.bare:.1f}"),
    ("from nothing to all objects, s", lambda item: f"{item.from_nothing:.1f}"),
    ("ratio to the bare loop (goal: 1.3 at most)", lambda item: f"{item.ratio:.2f}"),
    ("restart until all are Ready, s", lambda item: f"{item.restart:.1f}"),
    ("objects written by the restart (goal: 0)", lambda item: str(item.restart_writes)),
    ("objects written at rest (goal: 0)", lambda item: str(item.at_rest_writes)),
    ("share of a core at rest (goal: 1 %)", lambda item: f"{item.processor:.1%}"),
    ("a survey, ms", lambda item: f"{item.survey * 1000:.0f}"),
    ("one upload, ms", lambda item: f"{item.one_alone * 1000:.0f}"),
    ("one upload while others are pending, ms", lambda item: f"{item.one_among_pending * 1000:.0f}"),
    (
        "ratio of the two (goal: 1.5 at most)",
        lambda item: f"{item.one_among_pending / item.one_alone:.2f}",
    ),
    ("memory of the watcher, MiB (goal: 110 at most)", lambda item: f"{item.mib:.0f}"),
)


def table(measured: Sequence[Figures], pending: int, machine: str) -> str:
    """Return the section of docs/performance.md."""
    heads = [f"{item.models:,} models" for item in measured]
    rows = [f"| {name} | {' | '.join(shown(item) for item in measured)} |" for name, shown in ROWS]
    body = "\n".join(rows)
    return f"""## A watcher of many models

A real MinIO and a real API server on the same machine; written by `make bench-watcher`. {machine}
The models have no replicas, so that they are Ready without a node. Pending are {pending} others, whose pods never come.

| | {" | ".join(heads)} |
| --- |{" --- |" * len(heads)}
{body}

The bare loop is the limit of the API server and its etcd: the watcher cannot be faster than the applies that it makes.
"""
