"""The loads that are measured, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.serving.figures import Case
from tests.bench.serving.people import COLUMNS_LOGISTIC, HIST, PEOPLE

PEOPLE_CONNECTIONS = 1, 16

LOGISTIC, SCALER, FOREST = MODELS = "logistic regression", "scaler pipeline", "forest of 100 trees"


@dataclass(frozen=True)
class Effort:
    """The seconds of each run of wrk, and the number of rounds; `goal_rounds` if a goal compares our own servers.

    `profiles`: profile our server where it misses a goal.
    """

    cases: Sequence[Case]
    people: Sequence[Case]
    """Of the models that people have, which are measured beside a naive server only."""
    seconds: int
    rounds: int
    goal_rounds: int
    warm_up: int
    starts: int
    profiles: bool
    started: Sequence[str] = (LOGISTIC, FOREST, COLUMNS_LOGISTIC, HIST)
    """The models whose start is measured."""

    @property
    def models(self) -> list[str]:
        """Return the models of the cases."""
        return list(dict.fromkeys(case.model for case in self.cases))

    @property
    def people_models(self) -> list[str]:
        """Return the models that people have, of the cases."""
        return list(dict.fromkeys(case.model for case in self.people))

    @property
    def charted(self) -> list[Case]:
        """Return one case for each model."""
        return [Case(model, 1, 16) for model in self.models]


def _cases(*connections: int) -> list[Case]:
    return [Case(model, rows, each) for model in MODELS for rows in (1, 100) for each in connections]


_PEOPLE = [Case(model, 1, each) for model in PEOPLE for each in PEOPLE_CONNECTIONS]
FULL = Effort(_cases(1, 16, 64), _PEOPLE, seconds=1, rounds=3, goal_rounds=5, warm_up=1, starts=3, profiles=True)
"""Twenty minutes for ten servers on two cores."""

_FEW = [Case(LOGISTIC, 1, 1), Case(LOGISTIC, 1, 16), Case(LOGISTIC, 100, 16)]
_FEW_PEOPLE = [Case(COLUMNS_LOGISTIC, 1, 16)]
QUICK = Effort(
    _FEW,
    _FEW_PEOPLE,
    seconds=1,
    rounds=1,
    goal_rounds=1,
    warm_up=0,
    starts=1,
    profiles=False,
    started=(LOGISTIC,),
)
"""Seconds for our own three servers. It shows that everything works; its figures mean nothing."""
