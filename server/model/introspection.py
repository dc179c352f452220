"""A fitted estimator → its Schema, from the attributes of its parts. Nothing here calls the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from server.schema import METHODS, InputForm, Kind, Schema

Categories = tuple[int, tuple[Any, ...]]
"""The index of a column, and the values that its encoder was fitted on."""


def inspect_estimator(estimator: Any) -> Schema:
    """Return what the fitted estimator says about its input, its classes and its methods."""
    names = getattr(estimator, "feature_names_in_", None)
    features = getattr(estimator, "n_features_in_", None)
    schema = Schema(
        features=None if features is None else int(features),
        names=tuple(map(str, names)) if names is not None else (),
        allows_missing=bool(getattr(_input_tags(estimator), "allow_nan", False)),
        classes=_plain_classes(getattr(estimator, "classes_", ())),
        methods=frozenset(name for name in METHODS if callable(getattr(estimator, name, None))),
    )
    return _with_form(estimator, schema)


def _with_form(estimator: Any, schema: Schema) -> Schema:
    """Return the schema with the form of the input: which columns hold strings, and an example row."""
    if _reads_text(estimator):
        return replace(schema, form=InputForm.TEXTS, example_row=("some text",))
    if schema.features is None:
        return schema
    columns = list(range(schema.features))
    values = dict(_encoded(estimator, columns, schema.names))
    schema = replace(schema, example_row=tuple(values.get(index, (0.0,))[0] for index in columns))
    if any(isinstance(value, str) for value in schema.example_row):
        takes = InputForm.DATAFRAME if schema.names else InputForm.OBJECTS
        return replace(schema, form=takes, kinds=tuple(_kind(values.get(index)) for index in columns))
    return schema


def _kind(values: tuple[Any, ...] | None) -> Kind:
    if values is None:
        return Kind.ANY
    return Kind.STRING if isinstance(values[0], str) else Kind.NUMBER


def _reads_text(estimator: Any) -> bool:
    """Return whether the first step turns strings into numbers: then a row is one string."""
    while getattr(estimator, "steps", None):
        estimator = estimator.steps[0][1]
    tags = _input_tags(estimator)
    return bool(getattr(tags, "string", False)) and not getattr(tags, "two_d_array", True)


def _input_tags(estimator: Any) -> Any:
    try:
        return estimator.__sklearn_tags__().input_tags
    except Exception:  # noqa: BLE001 - not of scikit-learn, or of a version without tags
        return None


def _encoded(estimator: Any, columns: list[int], names: tuple[str, ...]) -> Iterator[Categories]:
    """Yield the columns that an encoder gets unchanged, with its categories; `columns` are the estimator's input."""
    if hasattr(estimator, "transformers_"):
        for _, step, selection in estimator.transformers_:
            yield from _encoded(step, _selected(selection, columns, names), names)
    elif hasattr(estimator, "steps"):
        for _, step in estimator.steps:  # past imputers, up to the step that selects or encodes columns
            yield from _encoded(step, columns, names)
            if hasattr(step, "transformers_") or hasattr(step, "categories_"):
                return
    elif hasattr(estimator, "categories_") and len(estimator.categories_) == len(columns):
        for column, values in zip(columns, estimator.categories_, strict=True):
            yield from _present_categories(column, values)
    elif _reads_text(estimator) and len(columns) == 1:
        yield columns[0], ("some text",)


def _present_categories(column: int, values: Any) -> Iterator[Categories]:
    """Yield the categories but missing values, which are not an example of a value."""
    plain = tuple(value for value in np.asarray(values).tolist() if isinstance(value, str | int | float))
    present = tuple(value for value in plain if value == value)  # noqa: PLR0124 - NaN alone differs from itself
    if present:
        yield column, present


def _selected(selection: Any, columns: list[int], names: tuple[str, ...]) -> list[int]:
    """Return a ColumnTransformer's selection (names, positions, a slice or a mask) as positions."""
    if isinstance(selection, str):
        selection = [selection]
    where = {name: index for index, name in enumerate(names)}
    try:
        picked = [where[name] for name in selection] if _all_strings(selection) else np.asarray(columns)[selection]
    except (KeyError, IndexError, TypeError):
        return []
    return [int(index) for index in np.atleast_1d(picked)]


def _all_strings(selection: Any) -> bool:
    if isinstance(selection, slice | int) or len(selection) == 0:
        return False
    return all(isinstance(item, str) for item in selection)


def _plain_classes(classes: Any) -> tuple[Any, ...]:
    """Return `classes_` as numbers, booleans and strings; other types become a string."""
    if classes is None:  # some regressors outside scikit-learn have this
        return ()
    if isinstance(classes, list | tuple):
        return tuple(_plain_classes(each) if isinstance(each, np.ndarray) else _plain_class(each) for each in classes)
    return tuple(_plain_class(value) for value in np.asarray(classes).tolist())


def _plain_class(value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, str | int | float | bool) else str(plain)
