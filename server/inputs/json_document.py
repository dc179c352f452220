"""The body of a request, which is a JSON object: bytes → dict. Pure."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

import orjson

from server.errors import InputError
from server.inputs.sliced_document import parse_in_slices
from server.inputs.value_count import MAX_VALUES, check_json_values
from server.inputs.wording import kind_of

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""The JSON escape of one half of a surrogate pair."""

CONSTANTS = (b"NaN", b"Infinity")
"""Python's JSON encoder writes these words; JSON itself does not have them."""


def read_document(body: bytes, example: str, max_values: int = MAX_VALUES) -> dict[str, Any]:
    """Return the body's JSON object. Of a name that is repeated in one object, the last value counts.

    NaN is read as null: Python's own JSON encoder writes NaN, so clients send it. A byte order mark is skipped, because
    .NET and PowerShell write one. `example` is shown in the error text.

    Raises:
        InputError: the body is not JSON, or not an object.
        TooLargeError: it has more than `max_values` values.

    """
    check_json_values(body, max_values)
    found = read_json(body)
    if isinstance(found, dict):
        return found
    raise InputError(f"the body is {kind_of(found)}; expected an object such as {example}")


def read_json(text: bytes) -> Any:
    """Return the value of a JSON text, in which NaN is read as null. Raise InputError if it is not JSON."""
    text = text.removeprefix(codecs.BOM_UTF8)
    try:
        return parse_in_slices(text, orjson.loads)
    except orjson.JSONDecodeError as error:
        return _read_python_json(text, f"the body is not JSON: {error}")


def has_no_string_values(body: bytes, document: dict[str, Any]) -> bool:
    """Return whether the names of the document itself are the only strings in the body."""
    return body.count(b'"') == 2 * len(document)


def _read_python_json(body: bytes, refusal: str) -> Any:
    """Read what Python's JSON encoder may have written. Standard JSON was read before, so it costs nothing more."""
    if not any(word in body for word in CONSTANTS):  # a regular expression for both takes 50 times as long
        raise InputError(refusal)
    try:
        return parse_in_slices(body, _parse_python_json)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(refusal) from error  # orjson's message, whichever parser found the fault


def _parse_python_json(text: bytes) -> Any:
    # Decoded here: from bytes, json.loads would accept some that are not UTF-8.
    found = json.loads(str(text, "utf-8"), parse_constant=_null_for_nan)
    if SURROGATE.search(text):
        _refuse_lone_surrogates(found)
    return found


def _refuse_lone_surrogates(found: Any) -> None:
    """Refuse half a surrogate pair, as orjson does: no answer that repeats it could be encoded."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InputError("the body has a string with half of a surrogate pair") from error


def _null_for_nan(word: str) -> None:
    if word != "NaN":
        raise InputError(f"the body has the value {word}; a finite number is needed")
