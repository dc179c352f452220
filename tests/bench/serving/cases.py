"""The loads that are measured, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.serving.figures import Case

LOGISTIC, SCALER, FOREST = MODELS = "logistic regression", "scaler pipeline", "forest of 100 trees"


@dataclass(frozen=True)
class Effort:
    """The seconds of each run of wrk, and the number of rounds; `goal_rounds` if a goal compares our own servers.

    `profiles`: profile our server where it misses a goal.
    """

    cases: Sequence[Case]
    seconds: int
    rounds: int
    goal_rounds: int
    warm_up: int
    starts: int
    profiles: bool

    @property
    def models(self) -> list[str]:
        """Return the models of the cases."""
        return list(dict.fromkeys(case.model for case in self.cases))

    @property
    def charted(self) -> list[Case]:
        """Return one case for each model."""
        return [Case(model, 1, 16) for model in self.models]


def _cases(*connections: int) -> list[Case]:
    return [Case(model, rows, each) for model in MODELS for rows in (1, 100) for each in connections]


FULL = Effort(_cases(1, 16, 64), seconds=1, rounds=3, goal_rounds=5, warm_up=1, starts=3, profiles=True)
"""Less than a quarter of an hour for ten servers on two cores."""

_FEW = [Case(LOGISTIC, 1, 1), Case(LOGISTIC, 1, 16), Case(LOGISTIC, 100, 16)]
QUICK = Effort(_FEW, seconds=1, rounds=1, goal_rounds=1, warm_up=0, starts=1, profiles=False)
"""Seconds for our own three servers. It shows that everything works; its figures mean nothing."""
