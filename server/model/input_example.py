"""The owner's example of a model's input, and MLflow's: JSON → an `Example`.

`input-example.json` next to the model holds rows as a client would send them. It is one of:

- a list of rows: `[{"age": 31, "city": "Rome"}]`, `[[31, "Rome"]]` or `["some text"]`
- the body of a request: `{"data": rows}` for `/predict`, or `instances`, `dataframe_records`, `dataframe_split` and
  `inputs` as other protocols name them; `rows` is taken too
- the JSON body of a V2 request: one tensor is a table, or texts; several, or one with `content_type: pd`, are columns
- any such body with `"dtypes"`: an object of a pandas dtype for each column that the rows do not explain, such as
  `{"when": "datetime64[ns, Europe/Rome]", "id": "int64"}`; a list means `category`, and holds the categories

Columns without a name are x0, x1, … as in answers.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from server.errors import ModelError, first_line
from server.inputs.wording import kind_of, quoted_names
from server.model.evidence import Example, Signature
from server.model.mlflow_model import read_signature
from server.paths import INPUT_EXAMPLE, MLFLOW_EXAMPLE, MLFLOW_MODEL

log = structlog.get_logger()

MAX_FILE = 1024 * 1024
"""Bytes. An example is a few rows."""

MAX_ROWS = 1000
"""Rows that are read of an example."""

ROW_KEYS = ("data", "rows", "instances", "dataframe_records", "dataframe_split", "inputs")
DTYPES = frozenset(
    {"bool", "boolean", "category", "object", "str", "string", "datetime64"}
    | {f"datetime64[{unit}]" for unit in ("s", "ms", "us", "ns")}
    | {f"{kind}{bits}" for kind in ("int", "uint", "Int", "UInt") for bits in (8, 16, 32, 64)}
    | {f"{kind}{bits}" for kind in ("float", "Float") for bits in (32, 64)}
)
"""What `dtypes` may name, as pandas prints them, but for times with a zone."""

ZONED_DTYPE = re.compile(r"datetime64\[(?:s|ms|us|ns), ([\w+/-]{1,64})\]")
"""The dtype of times with a zone."""

FORMS = '[{"age": 31}], [[31]], or {"data": [[31]], "dtypes": {"x0": "int64"}}'


@dataclass(frozen=True, slots=True)
class Clues:
    """What the files next to the model say about its input. None where there is no such file."""

    owner: Example | None = None
    mlflow: Example | None = None
    signature: Signature | None = None


def read_clues(folder: Path, example: Path | None = None) -> Clues:
    """Return what the folder of a model says about its input; `example` is another file for the owner's.

    Raises:
        ModelError: the owner's example cannot be read; the message says what is wrong with it.

    """
    path = example or folder / INPUT_EXAMPLE
    if example or path.is_file():
        return Clues(owner=parse_example(_content(path), path.name))
    return Clues(mlflow=_read_mlflow_example(folder / MLFLOW_EXAMPLE), signature=_read_signature(folder / MLFLOW_MODEL))


def _read_mlflow_example(path: Path) -> Example | None:
    """Return MLflow's example. One that cannot be read is no evidence."""
    if not path.is_file():
        return None
    try:
        return parse_mlflow_example(_content(path), path.name)
    except ModelError as error:
        log.warning("MLflow's example is not used", reason=str(error))
        return None


def _read_signature(path: Path) -> Signature | None:
    if not path.is_file():
        return None
    try:
        return read_signature(_content(path))
    except ModelError as error:
        log.warning("MLflow's signature is not used", reason=str(error))
        return None


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read: {error.strerror}") from error
    if len(content) > MAX_FILE:
        raise ModelError(f"{path.name} is larger than {MAX_FILE // 1024} KiB: an example is a few rows")
    return content


def parse_example(content: bytes, file: str) -> Example:
    """Return the owner's example.

    Raises:
        ModelError: the content is not JSON, or none of the forms.

    """
    document = _json(content, file)
    if isinstance(document, list):
        return Example(file, _rows(document, file))
    if not isinstance(document, dict):
        raise ModelError(f"{file} is {kind_of(document)}; expected rows such as {FORMS}")
    given = [key for key in ROW_KEYS if key in document]
    if len(given) != 1:
        found = quoted_names(given or document)
        raise ModelError(f"{file} needs one of {', '.join(ROW_KEYS)}, such as {FORMS}; found {found}")
    rows = _rows_of(given[0], document, file)
    return Example(file, _rows(rows, file), _dtypes(document.get("dtypes"), file))


def parse_mlflow_example(content: bytes, file: str) -> Example:
    """Return the example that MLflow saved: its forms are those of a request, or the data alone.

    Raises:
        ModelError: the content is none of MLflow's forms of rows.

    """
    document = _json(content, file)
    if isinstance(document, dict) and isinstance(document.get("data"), list) and "columns" in document:
        document = {"dataframe_split": document}
    elif isinstance(document, dict) and document and all(isinstance(column, list) for column in document.values()):
        document = document if len(document) == 1 and next(iter(document)) in ROW_KEYS else {"inputs": document}
    elif isinstance(document, dict) and not any(key in document for key in ROW_KEYS):
        document = [document]
    if isinstance(document, dict):
        document.pop("params", None)
    return parse_example(json.dumps(document).encode(), file)


def _json(content: bytes, file: str) -> Any:
    try:
        # The standard library's parser: Python writes NaN into JSON, which is a missing value here.
        return json.loads(content.decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} is not JSON: {first_line(error)}") from error


def _rows_of(key: str, document: dict[str, Any], file: str) -> Any:
    """Return the rows that a body has under this key."""
    found = document[key]
    if key == "dataframe_split":
        return _rows_of_split(found, file)
    if key == "inputs" and isinstance(found, dict):
        return _rows_of_columns(found, file)
    if (
        key == "inputs"
        and isinstance(found, list)
        and any(isinstance(row, dict) and "datatype" in row for row in found)
    ):
        parameters = document.get("parameters")
        is_frame = isinstance(parameters, dict) and parameters.get("content_type") == "pd"
        return _rows_of_tensors(found, file, by_column=is_frame or len(found) > 1)
    return found


def _rows_of_tensors(tensors: list[Any], file: str, *, by_column: bool) -> Any:
    """Return the rows of a V2 request. The datatypes are no evidence: clients send integers as FP64, too."""
    found: dict[str, list[Any]] = {}
    shape: list[int] = []
    for index, tensor in enumerate(tensors):
        name, shape, flat = _tensor(tensor, f"{file}: inputs[{index}]")
        if name in found or (by_column and len(flat) != shape[0]):
            raise ModelError(f"{file}: inputs[{index}] must be a column of its own, with the shape [rows]")
        found[name] = flat
    if by_column:
        return _rows_of_columns(found, file)
    (flat,) = found.values()
    if len(shape) == 1:
        return [value if isinstance(value, str) else [value] for value in flat]
    width = len(flat) // shape[0]
    return [flat[start : start + width] for start in range(0, len(flat), width)]


def _tensor(tensor: Any, place: str) -> tuple[str, list[int], list[Any]]:
    """Return the name, the shape and the values in one list, of data that is flat or nested."""
    given = tensor if isinstance(tensor, dict) else {}
    name: Any = given.get("name")
    shape: Any = given.get("shape")
    flat: Any = given.get("data")
    while isinstance(flat, list) and flat and all(isinstance(part, list) for part in flat):
        flat = list(chain.from_iterable(flat))
    is_shape = isinstance(shape, list) and shape and all(type(size) is int and 0 < size <= MAX_FILE for size in shape)
    if not isinstance(name, str) or not isinstance(flat, list) or not is_shape or math.prod(shape) != len(flat):
        raise ModelError(f"{place} needs a name, a shape, and data that has it: the JSON of a V2 request")
    return name, shape, flat


def _rows_of_split(split: Any, file: str) -> Any:
    data = split.get("data") if isinstance(split, dict) else None
    if not isinstance(data, list):
        raise ModelError(f"{file}: dataframe_split needs columns and data")
    columns = split.get("columns")
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        return data
    for index, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(columns):
            raise ModelError(f"{file}: data[{index}] must be a list of {len(columns)} values, one for each column")
    return [dict(zip(columns, row, strict=True)) for row in data]


def _rows_of_columns(columns: Mapping[str, Any], file: str) -> list[dict[str, Any]]:
    lengths = {len(values) if isinstance(values, list) else None for values in columns.values()}
    if len(lengths) != 1 or None in lengths:
        raise ModelError(f"{file}: inputs needs a list for each column, all of one length")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _rows(rows: Any, file: str) -> tuple[Any, ...]:
    """Return the rows if all are objects, all are lists or all are strings."""
    if not isinstance(rows, list) or not rows:
        raise ModelError(f"{file} has no rows; expected a list such as {FORMS}")
    found = tuple(rows[:MAX_ROWS])
    kind = type(found[0])
    if kind not in (dict, list, str):
        raise ModelError(f"{file}: row 0 is {kind_of(found[0])}; expected an object, a list or a string for each row")
    for index, row in enumerate(found):
        if type(row) is not kind:
            raise ModelError(f"{file}: row {index} is {kind_of(row)}; expected {kind_of(found[0])} like row 0")
        if not row and kind is not str:
            raise ModelError(f"{file}: row {index} is empty")
    return found


def _dtypes(given: Any, file: str) -> dict[str, str | tuple[Any, ...]]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ModelError(f"{file}: dtypes is {kind_of(given)}; expected an object of a dtype for each column")
    return {name: _dtype(name, dtype, file) for name, dtype in given.items()}


def _dtype(name: str, dtype: Any, file: str) -> str | tuple[Any, ...]:
    if isinstance(dtype, list) and dtype and all(isinstance(value, str | int | float) for value in dtype):
        return tuple(dtype)
    if isinstance(dtype, str) and _is_dtype(dtype):
        return dtype
    raise ModelError(
        f"{file}: the dtype of {quoted_names([name])} is not known; expected one such as float32, int64, string, "
        "datetime64[ns], datetime64[ns, Europe/Rome], or a list of categories"
    )


def _is_dtype(dtype: str) -> bool:
    zoned = ZONED_DTYPE.fullmatch(dtype)
    return _is_zone(zoned[1]) if zoned else dtype in DTYPES


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # no zone, or a path
        return name == "UTC"
    return True
