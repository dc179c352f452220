"""An estimator's state, read with types and bounds: whatever is not exactly as known makes the model unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from server.model.families.base import Part
from server.model.pickledata.records import Name, Record, Unknown, as_record, name_of

MAX_WIDTH = 1 << 24
"""Columns of a model."""

VERSIONS = frozenset({"1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9"})
"""The versions of scikit-learn whose files are known. docs/data-loading.md shows what was compared for each."""

COMMON_KEYS = frozenset({"_sklearn_version", "_sklearn_output_config", "feature_names_in_", "n_features_in_"})

LABEL_TYPES = (str, int, float, bool)

SINGLE_PRECISION = "fitted in float32"
"""A trait: the numbers of the estimator are float32."""

GIVES_FLOAT32 = "gives float32"
"""A trait: the estimator gives float32 whatever it receives."""


class State:
    """The attributes of one estimator. Each method raises `Unknown` where an attribute is not as it says."""

    def __init__(self, record: Record, keys: frozenset[str], build: Callable[[Any], Part]) -> None:
        """Check that the state has no other keys than these, and that its version is known.

        `build` makes the parts inside this estimator.
        """
        self.record = record
        self.name = record.name.rpartition(".")[2]
        if type(record.state) is not dict or record.items is not None or record.pairs is not None:
            raise Unknown(f"{self.name} has no state")
        self.values: Mapping[str, Any] = record.state
        self._build = build
        self.traits: set[str] = set()
        """`SINGLE_PRECISION` and `GIVES_FLOAT32`, of this estimator and of those whose state is part of its own."""
        for key in self.values:
            if key not in keys and key not in COMMON_KEYS:
                raise Unknown(f"{self.name} with {str(key)[:60]} is not known as data")
        self.version = self._known_version(record)
        if self.values.get("_sklearn_output_config") not in ({}, None, {"transform": "default"}, {"transform": None}):
            raise self.unknown("_sklearn_output_config")

    def _known_version(self, record: Record) -> tuple[int, ...]:
        """Return the minor version of scikit-learn that saved the estimator; () for another library's."""
        if not record.name.startswith("sklearn."):
            return ()
        found = self.values.get("_sklearn_version")
        text = found if type(found) is str else ""
        minor = ".".join(text.split(".")[:2])
        if minor not in VERSIONS:
            # A live estimator is compared with itself, so its version does not matter.
            if record.live:
                return ()
            saved = f"saved by scikit-learn {text[:20]}" if text else "without the version that saved it"
            raise Unknown(f"{self.name} {saved} is not known as data")
        return tuple(map(int, minor.split(".")))

    def unknown(self, key: str) -> Unknown:
        """Return the error for an attribute that is not as known."""
        return Unknown(f"{self.name} with this {key} is not known as data")

    def part(self, **more: Any) -> Part:
        """Return a part without methods that has this estimator's name, width and feature names."""
        return Part(self.name, {}, width=self.width, names=self.names, **more)

    # ---- arrays

    def array(self, key: str, kinds: str, *shape: int | None) -> Any:
        """Return an array whose dtype is of one of these kinds (`np.dtype.kind`) and which has this shape.

        None stands for any length.
        """
        found = self.values.get(key)
        if isinstance(found, np.generic) and not shape:
            found = np.asarray(found)
        if type(found) is not np.ndarray or found.dtype.kind not in kinds or not _fits(found.shape, shape):
            raise self.unknown(key)
        return found

    def floats(self, key: str, *shape: int | None) -> Any:
        """Return a float64 array of this shape."""
        found = self.array(key, "f", *shape)
        if found.dtype != np.float64:
            raise self.unknown(key)
        return found

    def fitted_floats(self, key: str, *shape: int | None) -> Any:
        """Return a float64 array of this shape, or the float32 array of a model that was fitted on float32.

        It is for arithmetic that takes the same steps as scikit-learn in whatever dtype NumPy chooses.
        """
        return self.as_fitted(key, self.array(key, "f", *shape))

    def as_fitted(self, key: str, value: Any) -> Any:
        """Return an array that is part of an attribute's value as `fitted_floats` returns an attribute."""
        if value.dtype == np.float32:
            self.traits.add(SINGLE_PRECISION)
        elif value.dtype != np.float64:
            raise self.unknown(key)
        return value

    def wide_floats(self, key: str, *shape: int | None) -> Any:
        """Return what `fitted_floats` does as float64: as NumPy converts it before it computes with float64 rows."""
        return wide(self.fitted_floats(key, *shape))

    def arrays_of_floats(self, key: str, count: int, *shape: int | None) -> list[Any]:
        """Return a list of that many arrays like those of `fitted_floats`, each of this shape."""
        found = self.values.get(key)
        if type(found) is not list or len(found) != count:
            raise self.unknown(key)
        for array in found:
            if type(array) is not np.ndarray or not _fits(array.shape, shape):
                raise self.unknown(key)
            self.as_fitted(key, array)
        return found

    def labels(self, key: str = "classes_") -> Any:
        """Return a one-dimensional array of at least one class: numbers, booleans or strings."""
        return self.as_labels(key, self.values.get(key))

    def as_labels(self, key: str, value: Any) -> Any:
        """Return an array that is part of an attribute's value as `labels` returns an attribute."""
        if type(value) is not np.ndarray or value.dtype.kind not in "biufUO" or value.ndim != 1 or not len(value):
            raise self.unknown(key)
        if value.dtype.kind == "O" and not all(type(label) in LABEL_TYPES for label in value.tolist()):
            raise self.unknown(key)
        return value

    # ---- single values

    def number(self, key: str) -> float:
        """Return a number; a boolean is none."""
        found = _plain(self.values.get(key))
        if type(found) is int or type(found) is float:
            return found
        raise self.unknown(key)

    def integer(self, key: str, least: int = 0, most: int = MAX_WIDTH) -> int:
        """Return an integer from `least` to `most`."""
        found = _plain(self.values.get(key))
        if type(found) is not int or not least <= found <= most:
            raise self.unknown(key)
        return found

    def flag(self, key: str, default: bool | None = None) -> bool:
        """Return a boolean. `default` is for versions without the attribute."""
        found = _plain(self.values.get(key, default))
        if type(found) is not bool:
            raise self.unknown(key)
        return found

    def word(self, key: str, *known: Any) -> Any:
        """Return the value, which must be one of the known ones: strings, None or booleans."""
        found = _plain(self.values.get(key))
        if type(found) not in (str, bool, type(None)) or not any(found is each or found == each for each in known):
            raise self.unknown(key)
        return found

    def must_be(self, key: str, *known: Any) -> None:
        """Raise `Unknown` unless the attribute is missing or has one of these values."""
        if key in self.values:
            self.word(key, *known)

    def function(self, key: str) -> str:
        """Return the full name of a class or a function; "" for None."""
        return self.function_name(key, self.values.get(key))

    def function_name(self, key: str, found: Any) -> str:
        """Return the full name of a function that is part of an attribute's value; "" for None."""
        if found is None:
            return ""
        if type(found) is Name:
            return found.text
        if isinstance(found, type | FunctionType | BuiltinFunctionType):
            return f"{found.__module__}.{found.__qualname__}"
        if isinstance(found, np.ufunc):
            return f"numpy.{found.__name__}"
        raise self.unknown(key)

    # ---- parts

    def child(self, key: str) -> Part:
        """Return the estimator inside this one, built."""
        return self._build(self.values.get(key))

    def children(self, key: str, most: int = 100_000) -> list[Part]:
        """Return the estimators of a list, built."""
        return [self._build(value) for value in self.sequence(key, most)]

    def build(self, value: Any) -> Part:
        """Return an estimator that is part of some attribute's value, built."""
        return self._build(value)

    def sequence(self, key: str, most: int = 1_000_000) -> list[Any]:
        """Return a list, or a tuple or an array of objects as a list."""
        found: Any = self.values.get(key)
        if type(found) is np.ndarray and found.dtype.kind == "O":
            found = found.ravel().tolist()
        if type(found) not in (list, tuple) or len(found) > most:
            raise self.unknown(key)
        return list(found)

    def record_of(self, key: str, *names: str) -> Record:
        """Return the record of an object of one of these types, by full name."""
        return self.as_record(key, self.values.get(key), *names)

    def as_record(self, key: str, value: Any, *names: str) -> Record:
        """Return the record of an object that is part of an attribute's value and has one of these types."""
        if name_of(value) not in names:
            raise self.unknown(key)
        return as_record(value)

    def inside(self, key: str, known: frozenset[str], *names: str) -> State:
        """Return the state of an estimator inside this one that is of one of these types and is no part of its own.

        `known` are its keys.
        """
        return self.as_inside(key, self.values.get(key), known, *names)

    def as_inside(self, key: str, value: Any, known: frozenset[str], *names: str) -> State:
        """Return the state of an estimator that is part of an attribute's value, as `inside` returns an attribute's."""
        found = State(self.as_record(key, value, *names), known, self._build)
        found.traits = self.traits
        return found

    # ---- what every estimator has

    @property
    def width(self) -> int | None:
        """Return `n_features_in_`, or None where it is not recorded."""
        return self.integer("n_features_in_", 1) if "n_features_in_" in self.values else None

    @property
    def columns(self) -> int:
        """Return `n_features_in_`, which this estimator must have."""
        return self.integer("n_features_in_", 1)

    @property
    def names(self) -> tuple[str, ...]:
        """Return `feature_names_in_`, () where there are none."""
        if self.values.get("feature_names_in_") is None:
            return ()
        found = self.array("feature_names_in_", "OU", None).tolist()
        if not all(type(name) is str for name in found) or len(found) != (self.width or len(found)):
            raise self.unknown("feature_names_in_")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Family:
    """How estimators of one class are evaluated."""

    part: Callable[[State], Part]
    """Return the part. Raise `Unknown` for a state that is not exactly as known."""
    keys: frozenset[str]
    """The attributes that its state may have, in any known version, besides `COMMON_KEYS`: those that are read, and
    those that are known not to change an answer. Another attribute makes the model unknown."""


def wide(values: Any) -> Any:
    """Return float32 as float64, in the memory order in which NumPy converts the operand of a matrix product."""
    return values if values.dtype == np.float64 else values.astype(np.float64, order="C")


def keys(text: str) -> frozenset[str]:
    """Return the names in a text."""
    return frozenset(text.split())


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as the value of Python that it is."""
    return value.item() if isinstance(value, np.generic) else value


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        wanted is None or found == wanted for found, wanted in zip(shape, expected, strict=True)
    )
