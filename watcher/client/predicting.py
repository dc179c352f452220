"""Ask a model: rows as a person has them → the request, and its answer → lines. Pure, except for `ask` and `read`."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from watcher.client.calling import PREFERRED, documented_call
from watcher.client.reach import JSON, Answer, Reach
from watcher.core.text import json_text, one_line
from watcher.errors import Rejected

CSV = "text/csv"
SECONDS = 120.0
"""Seconds for one answer: a model may need a minute for a large file."""
OK = 200
JSON_STARTS = ("[", "{", '"')
FORM = 'JSON such as [[5.1, 3.5]] or [{"age": 31}], a JSON or CSV file, or - for standard input'


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to predict: a JSON document, or CSV as text."""

    document: Any = None
    table: str = ""


def read(given: str, stdin: TextIO | None = None) -> Rows:
    """Return the rows that an argument names: JSON, a file, or standard input.

    Raises:
        Rejected: `Malformed`, it is none of these.

    """
    if given == "-":
        return rows_of((stdin or sys.stdin).read(), "standard input")
    if given.lstrip().startswith(JSON_STARTS):
        return rows_of(given, "the rows")
    try:
        return rows_of(Path(given).read_text("utf-8-sig"), given)
    except FileNotFoundError as error:
        raise Rejected("Malformed", f"'{one_line(given, 60)}' is no file: expected {FORM}") from error
    except OSError as error:
        raise Rejected("Malformed", f"{given}: {error.strerror}") from error
    except ValueError as error:
        raise Rejected("Malformed", f"{given} is not text: expected {FORM}") from error


def rows_of(text: str, where: str) -> Rows:
    """Return the rows of a text: JSON if it begins so, otherwise CSV.

    Raises:
        Rejected: `Malformed`, it is neither.

    """
    if not text.strip():
        raise Rejected("Malformed", f"{where}: there are no rows: expected {FORM}")
    if not text.lstrip().startswith(JSON_STARTS):
        return Rows(table=text)
    try:
        return Rows(_as_rows(json.loads(text)))
    except (ValueError, RecursionError) as error:
        raise Rejected("Malformed", f"{where}: not JSON: {error}") from error


def _as_rows(document: Any) -> Any:
    """Return the rows of a document: of a body, of many rows, or of one."""
    if isinstance(document, dict):
        return document["data"] if set(document) == {"data"} else [document]
    if isinstance(document, str):
        return [document]
    is_one_row = isinstance(document, list) and any(isinstance(value, int | float) for value in document)
    return [document] if is_one_row else document


def path_of(reach: Reach) -> str:
    """Return the path at which a model answers: `/transform` for one that cannot predict."""
    call = documented_call(reach)
    return call.path if call and call.path in PREFERRED else PREFERRED[0]


def ask(reach: Reach, rows: Rows, path: str) -> dict[str, Any]:
    """Return the model's answer.

    Raises:
        Rejected: `NoAnswer`, it is an error; the sentence is the model's.
        Retryable: there is none.

    """
    if rows.table and path == "/predict":  # MLflow's endpoint reads CSV by the model's own types
        answer = reach.request("POST", "/invocations", SECONDS, body=rows.table.encode(), content_type=CSV)
    else:
        data = list(typed(rows.table)) if rows.table else rows.document
        answer = reach.request("POST", path, SECONDS, body=json.dumps({"data": data}).encode(), content_type=JSON)
    return _body(answer)


def typed(table: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a CSV with a header line: numbers where they are such, and null for nothing."""
    for row in csv.DictReader(io.StringIO(table, newline="")):
        yield {name: _value(text) for name, text in row.items() if name is not None}


def _value(text: str | None) -> Any:
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _body(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    if answer.status == OK and isinstance(body, dict):
        return body
    raise Rejected("NoAnswer", f"HTTP {answer.status}: {_reason(body, answer.body)}")


def _reason(body: Any, raw: bytes) -> str:
    """Return the sentence of an error: a model's, or the API server's."""
    if isinstance(body, dict):
        for key in ("error", "message", "detail"):
            if isinstance(body.get(key), str):
                return one_line(str(body[key]), 1000)
    return one_line(raw[:500].decode(errors="replace"), 200) or "no reason is given"


def lines(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield an answer for people: one line a row; probabilities below the names of their classes."""
    if "probabilities" in body:
        yield "\t".join(map(_plain, body.get("classes", ())))
        yield from ("\t".join(f"{value:.4f}" for value in row) for row in body["probabilities"])
        return
    for value in next(iter(body.values()), ()):
        yield _plain(value)


def _plain(value: Any) -> str:
    return one_line(value if isinstance(value, str) else json_text(value))
