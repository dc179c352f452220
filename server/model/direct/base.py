"""What the registry has for a kind of estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.model.families.base import Call


def no_methods(_: Any) -> dict[str, Call]:
    return {}


def no_transform(_: Any) -> Call | None:
    return None


def never(_: Any) -> bool:
    return False


def always(_: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Family:
    """How estimators of one type are evaluated. Each function takes the fitted estimator."""

    methods: Callable[[Any], Mapping[str, Call]] = no_methods
    """Return the methods that can be evaluated directly, with exactly the bits of scikit-learn."""
    transform: Callable[[Any], Call | None] = no_transform
    """Return how a transformer changes finite rows into a new array, or None."""
    row_independent: Callable[[Any], bool] = never
    """Return whether each row is computed by itself: no other row of a call can change a bit of its answer."""
