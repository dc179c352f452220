"""The order of evidence about a model's input. Pure: nothing here reads a file or calls a model.

The strongest evidence first:

1. The owner's example, `input-example.json` next to the model. Its rows are what requests have. A model that refuses
   them cannot be served, and nothing weaker decides.
2. MLflow's example, `input_example.json`. MLflow may have saved it without its owner's knowledge. If the model refuses
   it, the next evidence decides.
3. MLflow's signature in `MLmodel`: names and types, without values.
4. The fitted parts of the model: names, categories, dtypes (`server.model.introspection`).
5. A trial of another form with an invented row. Only what the model accepts counts: a refusal shows nothing, because
   the row was invented.

Without evidence the form is AS_SENT: the client's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any

from server.errors import ModelError
from server.inputs.columns import kind_of_dtype
from server.inputs.wording import listed, quoted_names
from server.model.value_kinds import NUMERIC_KINDS, invented_value, kind_of_values
from server.schema import TABLES, Evidence, InputForm, Kind, Schema

MATRIX_DTYPES = ("float64", "float32", "int64")


@dataclass(frozen=True, slots=True)
class Example:
    """Rows as a client would send them."""

    file: str
    """The name of the file, for error texts."""
    rows: tuple[Any, ...]
    """All of one kind: objects by column name, lists of values, or strings."""
    dtypes: Mapping[str, str | tuple[Any, ...]] = field(default_factory=dict)
    """The pandas dtype of columns by name, or their categories."""


@dataclass(frozen=True, slots=True)
class SignatureColumn:
    """One column of a signature."""

    name: str
    """"" where the signature has no names."""
    kind: Kind
    dtype: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs that MLflow's signature declares: columns, or one tensor."""

    columns: tuple[SignatureColumn, ...] = ()
    tensor_dtype: str = ""
    """NumPy's name of a tensor's dtype; "" for columns."""
    features: int | None = None
    """The width of a tensor."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A schema to try, and the rows to try it on."""

    schema: Schema
    rows: tuple[Any, ...] = ()
    """The example's rows as a client would send them. Empty: the schema's invented row is tried."""


def candidates(
    fitted: Schema, owner: Example | None = None, mlflow: Example | None = None, signature: Signature | None = None
) -> list[Candidate]:
    """Return the schemas to try, the strongest evidence first. `fitted` is what the fitted parts say."""
    if owner:
        return _from_example(fitted, owner, Evidence.OWNER_EXAMPLE)
    return [
        *(_from_example(fitted, mlflow, Evidence.MLFLOW_EXAMPLE) if mlflow else ()),
        *(_from_signature(fitted, signature) if signature else ()),
        *_from_fitted_parts(fitted),
    ]


def _from_fitted_parts(fitted: Schema) -> Iterator[Candidate]:
    """Yield what the fitted parts say, then what only a trial can confirm."""
    if fitted.evidence is Evidence.FITTED_PARTS:
        yield Candidate(fitted)
    if fitted.features and (fitted.form is InputForm.MATRIX or fitted.evidence is Evidence.NOTHING):
        matrix = replace(fitted, form=InputForm.MATRIX, kinds=(), dtypes=(), categories=(), evidence=Evidence.TRIAL)
        for dtype in ("float64", "float32"):
            if (dtype, InputForm.MATRIX) != (fitted.dtype, fitted.form):
                yield Candidate(replace(matrix, dtype=dtype))
    if fitted.names and fitted.form is InputForm.MATRIX:
        yield Candidate(replace(as_dataframe(fitted), evidence=Evidence.TRIAL))
    if fitted.names and fitted.form is InputForm.DATAFRAME and all(kind is Kind.ANY for kind in fitted.kinds):
        yield Candidate(replace(fitted, form=InputForm.MATRIX, kinds=(), evidence=Evidence.TRIAL))
    if fitted.evidence is Evidence.NOTHING:
        yield Candidate(fitted)


def as_dataframe(schema: Schema, names: Sequence[str] = ()) -> Schema:
    """Return the schema with a DataFrame as its form, of these names where the model itself has none."""
    names = schema.names or tuple(names)
    kinds = schema.kinds if len(schema.kinds) == len(names) else (Kind.ANY,) * len(names)
    return replace(schema, form=InputForm.DATAFRAME, names=names, features=len(names), kinds=kinds, dtype="float64")


# ---- an example --------------------------------------------------------------------------------------------------


def _from_example(fitted: Schema, example: Example, evidence: Evidence) -> list[Candidate]:
    """Return the schemas that fit the example's rows: what the fitted parts say comes before what the rows look like.

    Raises:
        ModelError: the example's dtypes name a column that no row has.

    """
    found = []
    for schema in _forms_of_rows(fitted, example):
        described = _with_dtypes(_with_example_row(replace(schema, evidence=evidence), example), example)
        found.append(Candidate(_with_kinds_of_values(described, example), example.rows))
    # Strings that are all dates may be dates or names: as strings first, as dates if the model refuses them.
    dated = [replace(each, schema=_with_dates(each.schema, fitted, example)) for each in found[:1]]
    return [*found[:1], *(each for each in dated if each not in found), *found[1:]]


def _forms_of_rows(fitted: Schema, example: Example) -> Iterator[Schema]:
    first = example.rows[0]
    if isinstance(first, str):
        yield fitted if _says(fitted, InputForm.TEXTS) else replace(fitted, form=InputForm.TEXTS)
    elif isinstance(first, dict):
        yield from _forms_of_objects(fitted, example)
    else:
        yield from _forms_of_lists(fitted, example)


def _says(fitted: Schema, *forms: InputForm) -> bool:
    """Return whether the fitted parts say that the input has one of these forms."""
    return fitted.evidence is Evidence.FITTED_PARTS and fitted.form in forms


def _forms_of_objects(fitted: Schema, example: Example) -> Iterator[Schema]:
    if _says(fitted, InputForm.DICTS):
        yield fitted
        return
    names = fitted.names or tuple(dict.fromkeys(chain.from_iterable(example.rows)))
    extra = fitted.ignores_extra_columns or bool(set(chain.from_iterable(example.rows)) - set(names))
    named = replace(fitted, ignores_extra_columns=extra)
    fits = fitted.features in (None, len(names))
    if _says(fitted, *TABLES) and fits and (fitted.names or fitted.form is not InputForm.DATAFRAME):
        yield replace(named, names=names)
    if not _says(fitted, InputForm.DATAFRAME):
        yield as_dataframe(named, names)
    if not _says(fitted, *TABLES):
        yield replace(fitted, form=InputForm.DICTS)


def _forms_of_lists(fitted: Schema, example: Example) -> Iterator[Schema]:
    """Yield the forms that rows as lists may have.

    Where nothing is known, numbers are a matrix first. Where the fitted parts say something, such as that the owner's
    own function reads the input, lists as the client sends them come first, and a matrix comes after that.
    """
    if _says(fitted, InputForm.TOKENS, *TABLES):
        yield fitted
        if fitted.names and fitted.form is InputForm.MATRIX:
            yield as_dataframe(fitted)
        return
    widths = {len(row) for row in example.rows}
    table = len(widths) == 1
    sized = replace(fitted, features=widths.pop()) if table and fitted.features is None else fitted
    numbers = table and all(isinstance(value, int | float | None) for value in chain.from_iterable(example.rows))
    matrix = [replace(sized, form=InputForm.MATRIX, kinds=())] if numbers else []
    if fitted.evidence is Evidence.NOTHING:
        yield from matrix
    if fitted.names:
        yield as_dataframe(fitted)
    yield replace(sized, form=InputForm.AS_SENT)
    if fitted.evidence is not Evidence.NOTHING:
        yield from matrix
    if table and not numbers:
        yield replace(sized, form=InputForm.OBJECTS, kinds=(Kind.ANY,) * (sized.features or 0))
    if all(isinstance(value, str) for value in chain.from_iterable(example.rows)):
        yield replace(fitted, form=InputForm.TOKENS)


def _with_example_row(schema: Schema, example: Example) -> Schema:
    """Return the schema with the example's first row in the model's order."""
    first = example.rows[0]
    if schema.form in TABLES:
        return replace(schema, example_row=_values(first, schema))
    if schema.form is InputForm.AS_SENT:
        return replace(schema, example_row=tuple(first))
    return replace(schema, example_row=(first,))


def _values(row: Any, schema: Schema) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in schema.names) if isinstance(row, dict) else tuple(row)


def _columns(schema: Schema, example: Example) -> list[tuple[Any, ...]]:
    """Return the example's values by column; nothing if no row has the length of the schema.

    Rows of another length are left out: they are refused later, with an error text.
    """
    rows = [_values(row, schema) for row in example.rows]
    return list(zip(*(row for row in rows if len(row) == len(schema.columns)), strict=True))


def _with_dtypes(schema: Schema, example: Example) -> Schema:
    """Return the schema with the dtypes that the example gives."""
    if not example.dtypes or schema.form not in TABLES:
        return schema
    unknown = example.dtypes.keys() - set(schema.columns)
    if unknown:
        columns = listed(schema.columns)
        raise ModelError(f"{example.file}: dtypes has {quoted_names(sorted(unknown))}, but the columns are {columns}")
    given = [example.dtypes.get(name, "") for name in schema.columns]
    if schema.form is InputForm.MATRIX and len(set(given)) == 1 and given[0] in MATRIX_DTYPES:
        return replace(schema, dtype=str(given[0]))
    if schema.form is InputForm.MATRIX:
        schema = as_dataframe(schema, schema.columns)
    known = schema.dtypes or ("",) * len(given)
    categories = schema.categories or ((),) * len(given)
    kinds = schema.kinds or (Kind.ANY,) * len(given)
    categories = tuple(
        tuple(new) if isinstance(new, tuple) else old for new, old in zip(given, categories, strict=True)
    )
    dtypes = ("category" if isinstance(new, tuple) else new or old for new, old in zip(given, known, strict=True))
    return replace(
        schema,
        dtypes=tuple(dtypes),
        categories=categories if any(categories) else (),
        kinds=tuple(
            kind_of_values(new) if isinstance(new, tuple) else kind_of_dtype(new) or kind
            for new, kind in zip(given, kinds, strict=True)
        ),
    )


def _with_kinds_of_values(schema: Schema, example: Example) -> Schema:
    """Return the schema with the kinds of the example's values, where nothing else says them.

    Integers count as numbers: 3 may be an example of a price.
    """
    if schema.form not in (InputForm.DATAFRAME, InputForm.OBJECTS) or Kind.ANY not in schema.kinds:
        return schema
    seen = [kind_of_values(values) for values in _columns(schema, example)]
    seen = [Kind.NUMBER if kind is Kind.INTEGER else kind for kind in seen] or list(schema.kinds)
    known = zip(schema.kinds, seen, strict=True)
    return replace(schema, kinds=tuple(new if kind is Kind.ANY else kind for kind, new in known))


def _with_dates(schema: Schema, fitted: Schema, example: Example) -> Schema:
    """Return the schema with datetimes where all strings of a column are dates and the fitted parts do not say more."""
    if schema.form is not InputForm.DATAFRAME or not schema.kinds:
        return schema
    said = fitted.kinds if len(fitted.kinds) == len(schema.kinds) else (Kind.ANY,) * len(schema.kinds)
    # `_columns` returns nothing if no row has the length of the schema. The schema then stays as it is.
    kinds = [
        Kind.DATETIME if (before, now) == (Kind.ANY, Kind.STRING) and all(map(_is_date, values)) else now
        for before, now, values in zip(said, schema.kinds, _columns(schema, example), strict=False)
    ]
    return replace(schema, kinds=tuple(kinds)) if len(kinds) == len(schema.kinds) else schema


def _is_date(value: Any) -> bool:
    if value is None:
        return True
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


# ---- MLflow's signature ------------------------------------------------------------------------------------------


def _from_signature(fitted: Schema, signature: Signature) -> Iterator[Candidate]:
    """Yield the schema that the signature declares; nothing where it contradicts the names of the fitted parts.

    Such a signature is of another model: of the wrapper that MLflow loads.
    """
    schema = replace(fitted, evidence=Evidence.MLFLOW_SIGNATURE)
    if signature.tensor_dtype:
        yield from map(Candidate, _from_tensor(schema, signature, fitted))
        return
    kinds = [column.kind for column in signature.columns]
    names = tuple(column.name for column in signature.columns)
    numbers = all(kind in NUMERIC_KINDS for kind in kinds)
    if _says(fitted, InputForm.TEXTS, InputForm.TOKENS, InputForm.DICTS):
        yield Candidate(schema)
    elif not all(names):
        if fitted.features in (None, len(names)):
            yield Candidate(_unnamed(schema, signature, numbers=numbers))
    elif not fitted.names or set(names) >= set(fitted.names) - fitted.unused:
        if _says(fitted, InputForm.MATRIX) and numbers and fitted.names:
            yield Candidate(schema)
        elif fitted.names or fitted.features in (None, len(names)):
            yield Candidate(_named(schema, signature))


def _from_tensor(schema: Schema, signature: Signature, fitted: Schema) -> Iterator[Schema]:
    """Yield a matrix of the tensor's dtype."""
    width = signature.features or fitted.features
    contradicts = fitted.features not in (None, width) or _says(fitted, *(set(InputForm) - {InputForm.MATRIX}))
    if not contradicts and width and signature.tensor_dtype in MATRIX_DTYPES:
        row = schema.example_row or (0.0,) * width
        yield replace(
            schema, form=InputForm.MATRIX, features=width, dtype=signature.tensor_dtype, kinds=(), example_row=row
        )


def _unnamed(schema: Schema, signature: Signature, *, numbers: bool) -> Schema:
    kinds = tuple(column.kind for column in signature.columns)
    row = _invented(schema, kinds)
    if numbers:
        return replace(schema, form=InputForm.MATRIX, features=len(kinds), kinds=(), example_row=row)
    return replace(schema, form=InputForm.OBJECTS, features=len(kinds), kinds=kinds, example_row=row)


def _named(schema: Schema, signature: Signature) -> Schema:
    """Return a DataFrame of the signature's columns, in the model's order where it has one."""
    declared = {column.name: column for column in signature.columns}
    frame = as_dataframe(schema, tuple(declared))
    known = [declared.get(name) for name in frame.names]
    kinds = tuple(
        column.kind if column and kind is Kind.ANY else kind for column, kind in zip(known, frame.kinds, strict=True)
    )
    before = frame.dtypes or ("",) * len(known)
    dtypes = tuple(old or (column.dtype if column else "") for column, old in zip(known, before, strict=True))
    optional = {column.name for column in known if column and not column.required}
    return replace(
        frame,
        kinds=kinds,
        dtypes=dtypes if any(dtypes) else (),
        unused=frame.unused | optional,
        example_row=_invented(frame, kinds),
    )


def _invented(schema: Schema, kinds: Sequence[Kind]) -> tuple[Any, ...]:
    """Return an example row of these kinds: values of the fitted parts' example row where they fit, else invented ones.

    None does not fit, nor does a number where a string is expected. A row of another length does not fit as a whole.
    """
    row = schema.example_row if len(schema.example_row) == len(kinds) else (None,) * len(kinds)
    return tuple(
        value if value is not None and (kind is not Kind.STRING or isinstance(value, str)) else invented_value(kind)
        for value, kind in zip(row, kinds, strict=True)
    )
