"""A model that was read as data, in the shape of the estimator that it would be.

Introspection, trials and measurements read attributes and call methods of an estimator. A `RecordedEstimator` has them:
methods of its part, attributes of its record. No class of the file exists in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from server.model.families.base import Call, Part
from server.model.pickledata.records import Record
from server.schema import METHODS

LISTS = frozenset({"sklearn.compose._column_transformer._RemainderColsList"})
"""Classes of scikit-learn that are lists, whose items are in `data`."""

MAX_NESTING = 3
"""Lists and tuples inside one another that are looked at: a list of steps, each a tuple, some with a list of names."""


class RecordedEstimator:
    """An estimator that exists only as a record. The one that was loaded has a part; those inside it have none."""

    __slots__ = ("classes_inside", "part", "record")

    def __init__(self, record: Record, part: Part | None = None, classes_inside: tuple[str, ...] = ()) -> None:
        self.record, self.part = record, part
        self.classes_inside = classes_inside
        """The names of all classes that were known as data, its own first."""

    def __getattr__(self, name: str) -> Any:
        """Return a method, or an attribute that the estimator would have.

        Raises:
            AttributeError: it would have none of this name.

        """
        if name in METHODS:
            found = _method(self.part, name) if self.part else None
        else:
            found = _of_part(self.part, name) if self.part else None
            found = self._of_record(name) if found is None else found
        if found is None and (name in METHODS or name not in self._state):
            raise AttributeError(f"{self.class_name!r} object has no attribute {name!r}", name=name, obj=self)
        return found

    @property
    def class_name(self) -> str:
        """The name of the class, without its module."""
        return self.record.name.rpartition(".")[2]

    @property
    def saved_version(self) -> str:
        """The version of the library that saved it, or "" where the record does not say."""
        version = self._state.get("_sklearn_version")
        return version if type(version) is str else ""

    @property
    def _state(self) -> Mapping[str, Any]:
        return self.record.state if type(self.record.state) is dict else {}

    def _of_record(self, name: str) -> Any:
        if name in self._state:
            return presented(self._state[name])
        made = PROPERTIES.get(name)
        return made(self) if made else None


def _method(part: Part, name: str) -> Call | None:
    """Return a method that refuses matrices of another width and without rows, as scikit-learn does.

    Parts do not check that: the server's inputs do, and so does each part for those inside it.
    """
    call, width = part.methods.get(name), part.width
    if call is None or width is None:
        return call

    def checked(X: Any) -> Any:
        if type(X) is np.ndarray and X.ndim == 2:  # noqa: PLR2004 - rows and features
            if X.shape[1] != width:
                raise ValueError(
                    f"X has {X.shape[1]} features, but {part.name} is expecting {width} features as input."
                )
            if not len(X):
                raise ValueError(
                    f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required by {part.name}."
                )
        return call(X)

    return checked


def _of_part(part: Part, name: str) -> Any:
    """Return what the part says of an attribute that may be a property of the estimator; None where it says nothing."""
    if name == "n_features_in_":
        return part.width
    if name == "feature_names_in_":
        return part.names or None
    return part.classes if name == "classes_" else None


def presented(value: Any, depth: int = 0) -> Any:
    """Return a value of a state with its records as estimators and lists."""
    if type(value) is Record:
        return _presented_record(value, depth)
    if type(value) in (list, tuple) and depth < MAX_NESTING:
        return type(value)(presented(item, depth + 1) for item in value)
    return value


def _presented_record(record: Record, depth: int) -> Any:
    if record.name in LISTS and type(record.state) is dict:
        return presented(record.state.get("data"), depth)
    return RecordedEstimator(record)


def _named_transformers(estimator: RecordedEstimator) -> Any:
    """Return a ColumnTransformer's `named_transformers_`."""
    found = estimator._of_record("transformers_")  # noqa: SLF001 - the same class
    return None if found is None else {name: transformer for name, transformer, _ in found}


def _of_first_transformer(attribute: str) -> Callable[[RecordedEstimator], Any]:
    """Return a FeatureUnion's property that is its first transformer's."""

    def read(estimator: RecordedEstimator) -> Any:
        members = estimator._of_record("transformer_list")  # noqa: SLF001 - the same class
        return getattr(members[0][1], attribute, None) if members else None

    return read


PROPERTIES: Mapping[str, Callable[[RecordedEstimator], Any]] = {
    "feature_names_in_": _of_first_transformer("feature_names_in_"),
    "n_features_in_": _of_first_transformer("n_features_in_"),
    "named_transformers_": _named_transformers,
}
"""Attributes that scikit-learn computes, and that are read here."""
