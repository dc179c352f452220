"""The context of every measurement, and the place for its results."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench.serving.cases import Effort
from tests.bench.serving.cores import Cores
from tests.bench.serving.figures import Measured


@dataclass(frozen=True)
class Bench:
    """The context of a run; `folder` is removed at the end."""

    measured: Measured
    effort: Effort
    cores: Cores
    folder: Path


def say(text: str) -> None:
    """Print progress."""
    print(text, file=sys.stderr, flush=True)
