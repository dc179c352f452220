"""A fitted estimator → its Schema, from the attributes of its parts. Nothing here calls the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from server.labels import array_as_json, as_json
from server.model.column_facts import TEXT, UNKNOWN, ColumnFacts, facts_of, is_known
from server.model.estimator_types import is_of_scikit_learn, tags_of
from server.model.fitted_parts import Part, input_attribute, parts_of, selects_columns
from server.model.recorded_estimator import RecordedEstimator
from server.model.value_kinds import NUMERIC_KINDS
from server.schema import METHODS, Evidence, InputForm, Kind, Schema

TOKENS = ("some", "text")
ROWS = {InputForm.TEXTS: TEXT, InputForm.TOKENS: TOKENS, InputForm.DICTS: {"feature": 1.0}}
"""An invented row of each form that is not a table."""


def inspect_estimator(estimator: Any) -> Schema:
    """Return what the fitted estimator says about its input, its classes and its methods."""
    names = input_attribute(estimator, "feature_names_in_")
    features = input_attribute(estimator, "n_features_in_")
    schema = Schema(
        features=int(features) if features else None,  # CatBoost forgets the number when it is saved, and says 0
        names=tuple(map(str, names)) if names is not None else (),
        allows_missing=bool(getattr(getattr(tags_of(estimator), "input_tags", None), "allow_nan", False)),
        classes=_plain_classes(getattr(estimator, "classes_", ())),
        methods=frozenset(name for name in METHODS if callable(getattr(estimator, name, None))),
        form=InputForm.AS_SENT,
        named_table=type(estimator) is RecordedEstimator,
    )
    parts = parts_of(estimator, tuple(range(schema.features or 0)), schema.names)
    rows = _form_of_rows(parts)
    if rows is not None:
        return replace(schema, form=rows, example_row=_row_of(rows, parts), evidence=Evidence.FITTED_PARTS)
    if schema.features is None:
        return schema
    return _of_table(estimator, schema, parts)


def column_groups(estimator: Any, schema: Schema) -> list[tuple[int, ...]]:
    """Return the columns that are treated alike, by position: all that are used, those of a part, those of a kind."""
    used = tuple(index for index, name in enumerate(schema.columns) if name not in schema.unused)
    parts = parts_of(estimator, tuple(range(schema.features or 0)), schema.names)
    kinds = [tuple(index for index in used if schema.kinds[index : index + 1] == (kind,)) for kind in Kind]
    return [group for group in dict.fromkeys([used, *(part.columns for part in parts), *kinds]) if group]


# ---- rows that are no table -------------------------------------------------------------------------------------


def _form_of_rows(parts: list[Part]) -> InputForm | None:
    """Return the form of the rows if the first part that reads them takes no table; None otherwise."""
    return _row_form(parts[0].estimator) if parts and not parts[0].columns else None


def _row_form(estimator: Any) -> InputForm | None:
    tags = getattr(tags_of(estimator), "input_tags", None)
    if getattr(tags, "two_d_array", True):
        return None
    if getattr(tags, "dict", False):
        return InputForm.DICTS
    if not getattr(tags, "string", False):
        return None
    return InputForm.TOKENS if is_of_scikit_learn(estimator, "FeatureHasher") else _form_of_documents(estimator)


def _form_of_documents(vectorizer: Any) -> InputForm:
    """Return what a vectorizer of scikit-learn takes as a document.

    With functions of its owner's, that is what they take: strings, or lists of tokens that were made before.
    """
    given = [getattr(vectorizer, name, None) for name in ("analyzer", "preprocessor", "tokenizer")]
    if not any(callable(function) for function in given):
        return InputForm.TEXTS
    text, tokens = _analyzed(vectorizer, TEXT), _analyzed(vectorizer, list(TOKENS))
    if tokens == list(TOKENS):
        return InputForm.TOKENS
    if tokens is None and text is not None:
        return InputForm.TEXTS
    return InputForm.TOKENS if text is None and tokens is not None else InputForm.AS_SENT


def _analyzed(vectorizer: Any, document: Any) -> list[Any] | None:
    """Return the tokens of a document, or None if the vectorizer's functions refuse it."""
    try:
        return list(vectorizer.build_analyzer()(document))
    except Exception:  # noqa: BLE001 - the owner's own functions may raise anything
        return None


def _row_of(form: InputForm, parts: list[Part]) -> tuple[Any, ...]:
    """Return an invented row; of a DictVectorizer one of names that it knows."""
    if form is InputForm.AS_SENT:
        return ()
    names = getattr(parts[0].estimator, "feature_names_", ())
    if form is InputForm.DICTS and names:
        name, _, value = str(names[0]).partition(getattr(parts[0].estimator, "separator", "="))
        return ({name: value or 0.0},)
    return (list(TOKENS),) if form is InputForm.TOKENS else (ROWS[form],)


# ---- tables -----------------------------------------------------------------------------------------------------


def _of_table(estimator: Any, schema: Schema, parts: list[Part]) -> Schema:
    """Return the schema of a model with one value for each feature."""
    facts: dict[int, ColumnFacts] = {}
    for part in parts:
        for column, found in facts_of(part).items():
            facts.setdefault(column, found)
    columns = [facts.get(column, UNKNOWN) for column in range(schema.features or 0)]
    none = frozenset(name for name, column in zip(schema.columns, columns, strict=True) if column.null_is_none)
    schema = replace(schema, example_row=tuple(column.value for column in columns), null_is_none=none)
    known = all(is_known(part) for part in parts if part.unchanged)
    functions = any(is_of_scikit_learn(part.estimator, "FunctionTransformer") for part in parts if not is_known(part))
    numbers = known and all(column.kind in NUMERIC_KINDS and column.dtype != "category" for column in columns)
    picks = selects_columns(estimator)
    if schema.names and (picks or not numbers):
        return _dataframe(schema, columns, parts if picks else [])
    if not numbers and not known and not any(column.kind is Kind.STRING for column in columns):
        # A function takes anything, such as integers that it turns into strings. Another unknown part is tried.
        return replace(schema, evidence=Evidence.FITTED_PARTS) if functions else schema
    schema = replace(schema, evidence=Evidence.FITTED_PARTS)
    if numbers:
        return replace(schema, form=InputForm.MATRIX, dtype=_matrix_dtype(estimator, columns))
    return replace(schema, form=InputForm.OBJECTS, kinds=tuple(column.kind for column in columns))


def _dataframe(schema: Schema, columns: list[ColumnFacts], parts: list[Part]) -> Schema:
    dtypes = tuple(column.dtype for column in columns)
    categories = tuple(column.categories for column in columns)
    used = {column for part in parts for column in part.columns}
    unread = {name for index, name in enumerate(schema.names) if index not in used}
    return replace(
        schema,
        form=InputForm.DATAFRAME,
        kinds=tuple(column.kind for column in columns),
        dtypes=dtypes if any(dtypes) else (),
        categories=categories if any(categories) else (),
        unused=frozenset(unread) if used else frozenset(),
        ignores_extra_columns=bool(used and unread),  # as the model itself leaves out what it does not read
        evidence=Evidence.FITTED_PARTS,
    )


def _matrix_dtype(estimator: Any, columns: list[ColumnFacts]) -> str:
    """Return the dtype that the model needs: integers for encoders of integers, float32 where it was fitted in that."""
    if columns and all(column.dtype == "int64" for column in columns):
        return "int64"
    return "float32" if _fitted_in(estimator) == np.float32 else "float64"


def _fitted_in(estimator: Any) -> Any:
    """Return the dtype of what a clustering or a factorization compares rows with, which must have the same dtype."""
    steps = getattr(estimator, "steps", None)
    inner = [step for _, step in steps] if isinstance(steps, list) else [getattr(estimator, "best_estimator_", None)]
    for part in (estimator, *inner):
        for name in ("cluster_centers_", "components_"):
            needs_same = name == "cluster_centers_" or is_of_scikit_learn(part, "_BaseNMF")
            found = getattr(part, name, None) if needs_same else None
            if found is not None:
                return getattr(found, "dtype", None)
    return None


# ---- classes ----------------------------------------------------------------------------------------------------


def _plain_classes(classes: Any) -> tuple[Any, ...]:
    """Return `classes_` as JSON values: numbers, booleans and text."""
    if classes is None:  # some regressors outside scikit-learn have this
        return ()
    if isinstance(classes, list | tuple):
        return tuple(_plain_classes(each) if isinstance(each, np.ndarray) else as_json(each) for each in classes)
    return tuple(array_as_json(np.asarray(classes)))
