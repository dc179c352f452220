from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from watcher.client.predicting import Rows, ask, lines, read, rows_of, typed
from watcher.client.reach import Answer
from watcher.errors import Rejected


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("[[5.1, 3.5]]", [[5.1, 3.5]]),
        ("[5.1, 3.5]", [[5.1, 3.5]]),
        ('[5.1, "red", null]', [[5.1, "red", None]]),
        ('{"age": 31}', [{"age": 31}]),
        ('[{"age": 31}]', [{"age": 31}]),
        ('{"data": [[1]]}', [[1]]),
        ('"some text"', ["some text"]),
        ('["some text", "more"]', ["some text", "more"]),
        (" [[true]]", [[True]]),
    ],
)
def test_rows_of_json_are_a_list_of_rows(text: str, document: Any) -> None:
    assert rows_of(text, "here").document == document


def test_read_takes_json_a_file_or_standard_input(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text("\ufeff[[1]]", "utf-8")
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    assert read("[[1]]") == Rows([[1]])
    assert read(str(tmp_path / "rows.json")) == Rows([[1]])
    assert read(str(tmp_path / "rows.csv")) == Rows(table="a,b\n1,2\n")
    assert read("-", io.StringIO("a\n1\n")) == Rows(table="a\n1\n")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("rows.jsn", "'rows.jsn' is no file: expected JSON such as"),
        ("[[1]", "the rows: not JSON: "),
        (".", ".: Is a directory"),
    ],
)
def test_read_of_something_else_is_one_sentence(
    given: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Rejected) as caught:
        read(given)
    assert problem in str(caught.value)


def test_read_of_nothing_or_of_bytes_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\x80\xff")
    with pytest.raises(Rejected, match="is not text"):
        read(str(tmp_path / "bytes"))
    with pytest.raises(Rejected, match="standard input: there are no rows"):
        read("-", io.StringIO(" \n"))


def test_typed_reads_numbers_and_nothing_as_null() -> None:
    assert list(typed('a,b,c\n1,2.5,\n"x, y",-1e3,no\n')) == [
        {"a": 1, "b": 2.5, "c": None},
        {"a": "x, y", "b": -1000.0, "c": "no"},
    ]


@dataclass
class Stub:
    answer: Answer
    asked: list[tuple[str, bytes, str]] = field(default_factory=list)

    def request(self, method: str, path: str, seconds: float, *, body: bytes, content_type: str) -> Answer:
        self.asked.append((path, body, content_type))
        return self.answer


def test_ask_sends_csv_where_the_model_reads_it_by_its_own_types() -> None:
    stub = Stub(Answer(200, b'{"predictions": [1]}'))
    table = Rows(table="zip\n01234\n")
    assert ask(stub, table, "/predict") == {"predictions": [1]}
    ask(stub, table, "/predict_proba")
    ask(stub, Rows([[1]]), "/predict")
    assert stub.asked == [
        ("/invocations", b"zip\n01234\n", "text/csv"),
        ("/predict_proba", b'{"data": [{"zip": 1234}]}', "application/json"),
        ("/predict", b'{"data": [[1]]}', "application/json"),
    ]


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (400, b'{"error": "data[0] has 3 values"}', "HTTP 400: data[0] has 3 values"),
        (503, b'{"kind": "Status", "message": "no endpoints"}', "HTTP 503: no endpoints"),
        (502, b"<html>\nBad gateway", "HTTP 502: <html> Bad gateway"),
        (500, b"", "HTTP 500: no reason is given"),
        (200, b"[]", "HTTP 200: []"),
    ],
)
def test_ask_turns_an_error_into_one_sentence(status: int, body: bytes, sentence: str) -> None:
    with pytest.raises(Rejected) as caught:
        ask(Stub(Answer(status, body)), Rows([[1]]), "/predict")
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"predictions": ["setosa", 1, 2.5, None, [1, 2]]}, ["setosa", "1", "2.5", "null", "[1, 2]"]),
        ({"probabilities": [[0.25, 0.75]], "classes": ["a", 1]}, ["a\t1", "0.2500\t0.7500"]),
        ({"transformed": [[0.5]]}, ["[0.5]"]),
        ({}, []),
    ],
)
def test_lines_are_one_a_row(body: dict[str, Any], expected: list[str]) -> None:
    assert list(lines(json.loads(json.dumps(body)))) == expected
