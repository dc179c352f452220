"""What a model takes and gives, as far as the fitted estimator says. A value: nothing here looks at a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from server.errors import InputError


class Takes(StrEnum):
    """The form of a model's input."""

    NUMBERS = "numbers"
    """float64 (rows, features), contiguous: nearly every model."""
    FRAME = "frame"
    """A pandas DataFrame with the model's own column names: it picks columns by name, or some hold strings."""
    OBJECTS = "objects"
    """An object array (rows, features): columns of strings, but no names."""
    TEXTS = "texts"
    """An object array (rows,) of strings, as a text vectorizer takes them."""


class Kind(StrEnum):
    """What the values of one feature are."""

    NUMBER = "number"
    STRING = "string"
    ANY = "any"
    """The estimator does not say: its own verdict is the check."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model takes and gives. `features` is None when the model does not say."""

    features: int | None = None
    names: tuple[str, ...] = ()
    """`feature_names_in_`, in the model's own order."""
    allows_missing: bool = False
    takes: Takes = Takes.NUMBERS
    kinds: tuple[Kind, ...] = ()
    """One per feature; empty where all are numbers."""
    example: tuple[Any, ...] = ()
    """A row that the model should accept: zeros, and for encoded columns a value that the encoder knows."""
    classes: tuple[Any, ...] = ()
    """`classes_` as JSON values; a tuple of tuples where the model has several outputs."""
    methods: frozenset[str] = frozenset({"predict"})
    """Which of METHODS the model has."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    """What each method gave for the example, for those that accepted it."""

    def __post_init__(self) -> None:
        """A model that names its features says how many there are."""
        if self.features is None and self.names:
            object.__setattr__(self, "features", len(self.names))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names, or x0, x1, … as scikit-learn calls columns that have none."""
        return self.names or tuple(f"x{index}" for index in range(self.features or 0))

    def require(self, method: str) -> str:
        """`method`, if the model has it; else an InputError that says what it has."""
        if method in self.methods:
            return method
        raise InputError(f"the model has no {method}(); it has {', '.join(sorted(self.methods))}")


METHODS = ("predict", "predict_proba", "decision_function", "transform")
