"""A fitted estimator → its Schema: read off its attributes, and tried once on an example row."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from server.inputs.dataframe import to_dataframe
from server.schema import METHODS, Kind, Schema, Takes

Known = tuple[int, tuple[Any, ...]]
"""A column's index and the values that its encoder knows."""


def schema_of(estimator: Any) -> Schema:
    """What the fitted estimator says of itself.

    Raises:
        ModelError: it needs a DataFrame, and pandas is not there.

    """
    names = getattr(estimator, "feature_names_in_", None)
    features = getattr(estimator, "n_features_in_", None)
    schema = Schema(
        features=None if features is None else int(features),
        names=tuple(map(str, names)) if names is not None else (),
        allows_missing=bool(getattr(_input_tags(estimator), "allow_nan", False)),
        classes=_labels(getattr(estimator, "classes_", ())),
        methods=frozenset(name for name in METHODS if callable(getattr(estimator, name, None))),
    )
    found = _tried(estimator, _with_form(estimator, schema))
    if "predict" in found.answers or not found.names or found.takes is not Takes.NUMBERS:
        return found
    framed = _tried(estimator, replace(found, takes=Takes.FRAME, kinds=(Kind.ANY,) * len(found.names)))
    return framed if "predict" in framed.answers else found


def _with_form(estimator: Any, schema: Schema) -> Schema:
    """The schema with the form of the input: which columns hold strings, and what a row looks like."""
    if _reads_text(estimator):
        return replace(schema, takes=Takes.TEXTS, example=("some text",))
    if schema.features is None:
        return schema
    columns = list(range(schema.features))
    values = dict(_encoded(estimator, columns, schema.names))
    schema = replace(schema, example=tuple(values.get(index, (0.0,))[0] for index in columns))
    if any(isinstance(value, str) for value in schema.example):
        takes = Takes.FRAME if schema.names else Takes.OBJECTS
        return replace(schema, takes=takes, kinds=tuple(_kind(values.get(index)) for index in columns))
    return schema


def _kind(values: tuple[Any, ...] | None) -> Kind:
    if values is None:
        return Kind.ANY
    return Kind.STRING if isinstance(values[0], str) else Kind.NUMBER


def _reads_text(estimator: Any) -> bool:
    """Whether the first step turns strings into numbers: then a row is one string."""
    while getattr(estimator, "steps", None):
        estimator = estimator.steps[0][1]
    tags = _input_tags(estimator)
    return bool(getattr(tags, "string", False)) and not getattr(tags, "two_d_array", True)


def _input_tags(estimator: Any) -> Any:
    try:
        return estimator.__sklearn_tags__().input_tags
    except Exception:  # noqa: BLE001 - not of scikit-learn, or of one too old to say
        return None


def _encoded(estimator: Any, columns: list[int], names: tuple[str, ...]) -> Iterator[Known]:
    """The columns that an encoder sees first, with the values it was fitted on; `columns` are its input's."""
    if hasattr(estimator, "transformers_"):
        for _, step, chosen in estimator.transformers_:
            yield from _encoded(step, _chosen(chosen, columns, names), names)
    elif hasattr(estimator, "steps"):
        for _, step in estimator.steps:  # past imputers and the like, up to what decides over the columns
            yield from _encoded(step, columns, names)
            if hasattr(step, "transformers_") or hasattr(step, "categories_"):
                return
    elif hasattr(estimator, "categories_") and len(estimator.categories_) == len(columns):
        for column, values in zip(columns, estimator.categories_, strict=True):
            yield from _known(column, values)
    elif _reads_text(estimator) and len(columns) == 1:
        yield columns[0], ("some text",)


def _known(column: int, values: Any) -> Iterator[Known]:
    """A missing value may be a category too, but is no example of one."""
    plain = tuple(value for value in np.asarray(values).tolist() if isinstance(value, str | int | float))
    present = tuple(value for value in plain if value == value)  # noqa: PLR0124 - NaN alone differs from itself
    if present:
        yield column, present


def _chosen(chosen: Any, columns: list[int], names: tuple[str, ...]) -> list[int]:
    """A ColumnTransformer's choice (names, positions, a slice or a mask) as positions."""
    if isinstance(chosen, str):
        chosen = [chosen]
    if isinstance(chosen, slice) and isinstance(chosen.start or chosen.stop, str):
        return []
    where = {name: index for index, name in enumerate(names)}
    try:
        picked = [where[item] for item in chosen] if _all_strings(chosen) else np.asarray(columns)[chosen]
    except (KeyError, IndexError, TypeError):
        return []
    return [int(index) for index in np.atleast_1d(picked)]


def _all_strings(chosen: Any) -> bool:
    return not isinstance(chosen, slice | int) and len(chosen) > 0 and all(isinstance(item, str) for item in chosen)


def _labels(classes: Any) -> tuple[Any, ...]:
    """`classes_` as plain values: numbers, booleans, strings; what JSON does not know becomes a string."""
    if classes is None:  # a regressor of somebody's own may say so
        return ()
    if isinstance(classes, list | tuple):
        return tuple(_labels(each) if isinstance(each, np.ndarray) else _label(each) for each in classes)
    return tuple(_label(value) for value in np.asarray(classes).tolist())


def _label(value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, str | int | float | bool) else str(plain)


def example_input(schema: Schema) -> Any:
    """The example row in the form that the model takes."""
    if schema.takes is Takes.FRAME:
        return to_dataframe([[value] for value in schema.example], schema)
    if schema.takes is Takes.TEXTS:
        return np.array(schema.example, dtype=object)
    return np.array([schema.example], dtype=object if schema.takes is Takes.OBJECTS else np.float64)


def _tried(estimator: Any, schema: Schema) -> Schema:
    """The schema with what each method gives for the example; a model's refusal of it is no verdict."""
    if not schema.example:
        return schema
    # Each gets an example of its own: a method may change it.
    tries = {
        name: _quietly(getattr(estimator, name), example_input(schema)) for name in METHODS if name in schema.methods
    }
    return replace(schema, answers={name: answer for name, answer in tries.items() if answer is not None})


def _quietly(method: Callable[[Any], Any], X: Any) -> Any:
    """The answer, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "X does not have valid feature names": the order is the schema's
            return method(X)
    except Exception:  # noqa: BLE001 - the model's own code: anything may come, and the warm-up judges it
        return None
