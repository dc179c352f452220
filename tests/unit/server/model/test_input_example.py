"""Each form of an example file, and the words for each file that is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from server.errors import ModelError
from server.model.evidence import Example
from server.model.input_example import MAX_FILE, Clues, parse_example, parse_mlflow_example, read_clues
from server.paths import INPUT_EXAMPLE, MLFLOW_EXAMPLE, MLFLOW_MODEL

ROW = {"age": 31, "city": "Rome"}


def tensor(shape: list[int], data: list[Any], name: str = "a") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": "BYTES" if isinstance(data[0], str) else "FP64", "data": data}


def parsed(document: Any) -> Example:
    return parse_example(json.dumps(document).encode(), "f.json")


@pytest.mark.parametrize(
    ("document", "rows"),
    [
        ([ROW, ROW], (ROW, ROW)),
        ([[1, 2]], ([1, 2],)),
        (["some text"], ("some text",)),
        ({"data": [[1, 2]]}, ([1, 2],)),
        ({"rows": [ROW]}, (ROW,)),
        ({"instances": [[1, 2]]}, ([1, 2],)),
        ({"dataframe_records": [ROW]}, (ROW,)),
        ({"dataframe_split": {"columns": ["age", "city"], "data": [[31, "Rome"]]}}, (ROW,)),
        ({"dataframe_split": {"data": [[31, "Rome"]]}}, ([31, "Rome"],)),
        ({"inputs": {"age": [31, 32], "city": ["Rome", "Rome"]}}, (ROW, {**ROW, "age": 32})),
        ({"inputs": [[1, 2]]}, ([1, 2],)),
        ({"inputs": [tensor([2, 2], [1, 2, 3, None])]}, ([1, 2], [3, None])),
        ({"inputs": [tensor([2, 2], [[1, 2], [3, None]])]}, ([1, 2], [3, None])),
        ({"inputs": [tensor([2], [1, 2])]}, ([1], [2])),
        ({"inputs": [tensor([2], ["some", "text"])]}, ("some", "text")),
        ({"inputs": [tensor([2], [31, 32], "age"), tensor([2, 1], ["Rome"] * 2, "city")]}, (ROW, {**ROW, "age": 32})),
        ({"inputs": [tensor([1], [31], "age")], "parameters": {"content_type": "pd"}}, ({"age": 31},)),
        ([[float("nan"), 2]], ([None, 2],)),
    ],
)
def test_parse_example_of_each_form_returns_its_rows(document: Any, rows: tuple[Any, ...]) -> None:
    assert parsed(document) == Example("f.json", rows)


def test_parse_example_with_dtypes_returns_them_with_categories_as_tuples() -> None:
    assert parsed({"data": [ROW], "dtypes": {"age": "int32", "city": ["Oslo", "Rome"]}}).dtypes == {
        "age": "int32",
        "city": ("Oslo", "Rome"),
    }


@pytest.mark.parametrize("dtype", ["datetime64[ns]", "datetime64[us, UTC]", "Int64", "float32", "string"])
def test_parse_example_takes_dtypes_as_pandas_prints_them(dtype: str) -> None:
    assert parsed({"data": [["2026-01-31"]], "dtypes": {"x0": dtype}}).dtypes == {"x0": dtype}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "f.json is not JSON: "),
        ("[" * 100_000, "f.json is not JSON: "),
        ("3", "f.json is a number; expected rows such as"),
        ("[]", "f.json has no rows"),
        ('{"other": [1]}', "f.json needs one of data, rows, .*; found 'other'"),
        ('{"data": [[1]], "rows": [[1]]}', "needs one of .*; found 'data', 'rows'"),
        ('{"data": {"a": 1}}', "f.json has no rows"),
        ("[1, 2]", "row 0 is a number; expected an object, a list or a string"),
        ('[[1], {"a": 1}]', "row 1 is an object; expected a list like row 0"),
        ("[[]]", "row 0 is empty"),
        ('{"dataframe_split": [[1]]}', "dataframe_split needs columns and data"),
        ('{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', r"data\[0\] must be a list of 1 values"),
        ('{"inputs": {"a": [1], "b": [1, 2]}}', "inputs needs a list for each column, all of one length"),
        ('{"inputs": {"a": [1], "b": 1}}', "inputs needs a list for each column, all of one length"),
        (
            '{"inputs": [{"name": "x", "datatype": "FP64", "data": [1]}]}',
            r"inputs\[0\] needs a name, a shape, and data",
        ),
        ('{"inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": [1]}]}', r"inputs\[0\] needs a name"),
        ('{"inputs": [{"name": "x", "shape": [0], "datatype": "FP64", "data": []}]}', r"inputs\[0\] needs a name"),
        ('{"inputs": [3, {"datatype": "FP64"}]}', r"inputs\[0\] needs a name"),
        (json.dumps({"inputs": [tensor([1, 2], [[1, 2]]), tensor([1], [1], "b")]}), r"inputs\[0\] must be a column"),
        (json.dumps({"inputs": [tensor([1], [1]), tensor([1], [1])]}), r"inputs\[1\] must be a column of its own"),
        ('{"data": [[1]], "dtypes": ["int64"]}', "dtypes is a list; expected an object"),
        ('{"data": [[1]], "dtypes": {"x0": "int65"}}', "the dtype of 'x0' is not known; expected one such as"),
        ('{"data": [[1]], "dtypes": {"x0": "datetime64[ns, Middle/Earth]"}}', "the dtype of 'x0' is not known"),
        ('{"data": [[1]], "dtypes": {"x0": "datetime64[ns, ../../etc]"}}', "the dtype of 'x0' is not known"),
        ('{"data": [[1]], "dtypes": {"x0": []}}', "the dtype of 'x0' is not known"),
        ('{"data": [[1]], "dtypes": {"x0": [[1]]}}', "the dtype of 'x0' is not known"),
    ],
)
def test_parse_example_of_anything_else_says_what_is_wrong_in_one_line(content: str, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        parse_example(content.encode(), "f.json")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("document", "rows"),
    [
        ({"columns": ["age", "city"], "data": [[31, "Rome"]]}, (ROW,)),
        ({"columns": ["age", "city"], "index": [0], "data": [[31, "Rome"]]}, (ROW,)),
        ({"columns": [0, 1], "data": [[31, "Rome"]]}, ([31, "Rome"],)),
        ([[1, 2]], ([1, 2],)),
        ({"inputs": [[1, 2]]}, ([1, 2],)),
        ({"inputs": [[1, 2]], "params": {"a": 1}}, ([1, 2],)),
        ({"dataframe_split": {"columns": ["age", "city"], "data": [[31, "Rome"]]}}, (ROW,)),
        ({"age": [31], "city": ["Rome"]}, (ROW,)),
        (ROW, (ROW,)),
    ],
)
def test_parse_mlflow_example_of_each_serialized_form_returns_its_rows(document: Any, rows: tuple[Any, ...]) -> None:
    assert parse_mlflow_example(json.dumps(document).encode(), "f").rows == rows


def test_read_clues_of_a_bare_folder_are_empty(tmp_path: Path) -> None:
    assert read_clues(tmp_path) == Clues()


def test_read_clues_with_an_owners_example_do_not_read_the_files_of_mlflow(tmp_path: Path) -> None:
    (tmp_path / INPUT_EXAMPLE).write_bytes(b"\xef\xbb\xbf[[1]]")
    (tmp_path / MLFLOW_EXAMPLE).write_text("[[2]]")
    clues = read_clues(tmp_path)
    assert (clues.owner, clues.mlflow) == (Example(INPUT_EXAMPLE, ([1],)), None)


def test_read_clues_of_mlflow_that_cannot_be_read_are_logged_and_left_out(tmp_path: Path) -> None:
    (tmp_path / MLFLOW_EXAMPLE).write_text("{")
    (tmp_path / MLFLOW_MODEL).write_text("signature:\n  inputs: '[{'\n")
    with capture_logs() as logs:
        assert read_clues(tmp_path) == Clues()
    assert [line["event"] for line in logs] == ["MLflow's example is not used", "MLflow's signature is not used"]


def test_read_clues_of_a_file_that_is_no_example_say_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^absent\.json cannot be read: No such file"):
        read_clues(tmp_path, tmp_path / "absent.json")
    (tmp_path / INPUT_EXAMPLE).write_bytes(b" " * (MAX_FILE + 1))
    with pytest.raises(ModelError, match="is larger than 1024 KiB"):
        read_clues(tmp_path)


@pytest.mark.parametrize("dtype", ["datetime64[ns, UTC]", "datetime64[us, Europe/Rome]"])
def test_parse_example_with_the_dtype_of_times_with_a_zone_keeps_the_zone(dtype: str) -> None:
    content = json.dumps({"data": [["2024-01-31T00:00:00+01:00"]], "dtypes": {"x0": dtype}})
    assert parse_example(content.encode(), "input-example.json").dtypes == {"x0": dtype}
