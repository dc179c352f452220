"""Trees with all that a decomposition of their answers needs: nodes, how many rows met each, and what leaves add.

A family's walk keeps less of its trees. Its function `grown` reads them again, for `server.model.explanation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.model.families.base import Call
from server.model.families.tree_walk import NO_CATEGORIES, Bitsets


@dataclass(frozen=True, slots=True)
class GrownTree:
    """One tree that was checked."""

    nodes: Any
    """In the compiled routine's layout (`tree_walk.NODE`)."""
    cover: Any
    """float64 (nodes): the rows of the training data that met each node, or their weight."""
    values: Any
    """float64 (nodes, width): what a leaf adds. Of inner nodes it is not read."""


@dataclass(frozen=True, slots=True)
class GrownTrees:
    """The trees of one estimator, whose leaves are added."""

    trees: Sequence[GrownTree]
    outputs: int
    """The scores of a row. With a width of 1 the trees belong to them in turn."""
    rows: Call
    """Return rows of float64 as the branches compare them."""
    scores: Call
    """Return the estimator's own scores of such rows: (rows,), or (rows, outputs)."""
    log_link: bool = False
    """Whether the prediction is the exponential of the score."""
    bitsets: Bitsets = NO_CATEGORIES
    order: Sequence[int] | None = None
    """The columns of the estimator's input in the order of `rows`; None where that is the same."""
