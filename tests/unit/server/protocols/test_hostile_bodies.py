"""Bodies that are made to cost much: memory, time and error text stay in proportion to the bytes that were sent."""

from __future__ import annotations

import contextlib
import functools
import struct
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import orjson
import pytest

from server import short_steps
from server.errors import InputError
from server.protocols import kserve_v1, kubeserve, mlflow, open_inference
from server.schema import InputForm, Kind, Schema
from tests.unit.server import example_models
from tests.unit.server.example_models import schema_of

FOUR = Schema(4)
NULLS = Schema(4, allows_missing=True)
PEOPLE = schema_of(example_models.people)
OBJECTS = schema_of(example_models.objects)
TEXTS = schema_of(example_models.texts)
DICTS, TOKENS, AS_SENT = (Schema(form=form) for form in (InputForm.DICTS, InputForm.TOKENS, InputForm.AS_SENT))
CATEGORY = Schema(
    names=("a",), form=InputForm.DATAFRAME, kinds=(Kind.ANY,), dtypes=("category",), categories=(("b", "c"),)
)
DATE = Schema(names=("a",), form=InputForm.DATAFRAME, kinds=(Kind.DATETIME,))

Read = Callable[[], Any]
LONG = "a" * 50_000


def v2(inputs: list[Any], schema: Schema, **more: Any) -> Read:
    return functools.partial(open_inference.read_inference, orjson.dumps({"inputs": inputs, **more}), None, schema)


def tensor(shape: list[int], datatype: str, data: Any, name: str = "i") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def posted(read: Callable[[bytes, Schema], Any], document: Any, schema: Schema) -> Read:
    return functools.partial(read, orjson.dumps(document), schema)


def binary_texts(texts: list[str]) -> Read:
    packed = b"".join(struct.pack("<I", len(text)) + text.encode() for text in texts)
    described = {**tensor([len(texts), 2], "BYTES", None), "parameters": {"binary_data_size": len(packed)}}
    described["shape"] = [len(texts) // 2, 2]
    head = orjson.dumps({"inputs": [described]})
    return functools.partial(open_inference.read_inference, head + packed, len(head), OBJECTS)


def outcome(read: Read) -> str:
    """Return the refusal, or "" if the body was read."""
    try:
        read()
    except InputError as error:
        return str(error)
    return ""


ROWS = [[LONG, "b", "b", "b"], *[["b"] * 4] * 2000]
MIXED = [[LONG, 1], *[["b", 2]] * 2000]
STRINGS = {
    "rows": posted(kubeserve.read_data, {"data": ROWS}, FOUR),
    "one string after numbers": posted(kubeserve.read_data, {"data": [*[[1, 2, 3, 4]] * 2000, [1, 2, 3, LONG]]}, FOUR),
    "objects by name": posted(
        kubeserve.read_data, {"data": [dict(zip("abcd", row, strict=True)) for row in ROWS]}, Schema(4, tuple("abcd"))
    ),
    "instances": posted(kserve_v1.read_instances, {"instances": ROWS}, FOUR),
    "columns": posted(
        kserve_v1.read_instances, {"inputs": {name: [LONG, *["b"] * 2000] for name in "abcd"}}, Schema(4, tuple("abcd"))
    ),
    "split": posted(mlflow.read_json, {"dataframe_split": {"columns": list("abcd"), "data": ROWS}}, FOUR),
    "CSV": functools.partial(mlflow.read_csv, b"a,b,c,d\n" + LONG.encode() + b",b,b,b\n" + b"b,b,b,b\n" * 2000, FOUR),
    "tensor": v2([tensor([2001, 4], "FP64", [value for row in ROWS for value in row])], FOUR),
    "nested tensor": v2([tensor([2001, 4], "FP64", ROWS)], FOUR),
    "BYTES for numbers": v2([tensor([2001, 4], "BYTES", ROWS)], FOUR),
    "BYTES": v2([tensor([2001], "BYTES", [LONG, *["b"] * 2000])], TEXTS),
    "binary BYTES": binary_texts([LONG, *["b"] * 4001]),
    "texts": posted(kubeserve.read_data, {"data": [LONG, *["b"] * 2000]}, TEXTS),
    "objects": posted(kubeserve.read_data, {"data": MIXED}, OBJECTS),
    "a DataFrame": posted(kubeserve.read_data, {"data": MIXED}, PEOPLE),
    "dicts": posted(kubeserve.read_data, {"data": [{"a": row[0]} for row in MIXED]}, DICTS),
    "tokens": posted(kubeserve.read_data, {"data": [[row[0]] for row in MIXED]}, TOKENS),
    "lists as sent": posted(kubeserve.read_data, {"data": MIXED}, AS_SENT),
    "objects as sent": posted(kubeserve.read_data, {"data": [{"a": row[0]} for row in MIXED]}, AS_SENT),
    "a category": posted(kubeserve.read_data, {"data": [{"a": row[0]} for row in MIXED]}, CATEGORY),
    "a date": posted(kubeserve.read_data, {"data": [{"a": row[0]} for row in MIXED]}, DATE),
    "a name": posted(kubeserve.read_data, {"data": [{LONG: 1}]}, Schema(1, ("a",))),
}


@pytest.mark.parametrize("name", STRINGS)
def test_read_of_one_long_string_among_short_ones_takes_no_memory_for_each(name: str) -> None:
    outcome(STRINGS[name])  # imports, and what is made once
    tracemalloc.start()
    try:
        outcome(STRINGS[name])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000  # one Unicode array of all would take 400 MB and more


def names(count: int) -> list[str]:
    return [f"{index:07d}" for index in range(count)]


def wide(count: int) -> Schema:
    return Schema(count, tuple(f"f{name}" for name in names(count)))


def in_python_json(document: bytes) -> bytes:
    return b'{"n": NaN, ' + document[1:]


GROWING: dict[str, Callable[[int], Read]] = {
    "names in an object, the last repeated": lambda n: functools.partial(
        kserve_v1.read_instances,
        b'{"inputs": {"a": [1]}, "junk": {'
        + b",".join(b'"%s":1' % name.encode() for name in names(n))
        + b',"0":1,"0":2}}',
        Schema(1, ("a",)),
    ),
    "unknown names in a row": lambda n: posted(kubeserve.read_data, {"data": [dict.fromkeys(names(n), 1)]}, wide(n)),
    "unknown columns": lambda n: posted(
        kserve_v1.read_instances, {"inputs": {name: [1] for name in names(n)}}, wide(n)
    ),
    "unknown names of a split": lambda n: posted(
        mlflow.read_json, {"dataframe_split": {"columns": names(n), "data": []}}, wide(n)
    ),
    "one repeated name of a split": lambda n: posted(
        mlflow.read_json, {"dataframe_split": {"columns": ["a"] * n, "data": []}}, wide(n)
    ),
    "names of one object that are ignored": lambda n: posted(
        kubeserve.read_data, {"data": [dict.fromkeys(names(n), 1)]}, Schema(1, ("a",), ignores_extra_columns=True)
    ),
    "objects without columns that are dropped": lambda n: posted(
        kubeserve.read_data, {"data": [{"a": 1}, {"b": 1}]}, Schema(names=("a", *names(n)), unused=frozenset(names(n)))
    ),
    "names as sent": lambda n: posted(
        kubeserve.read_data, {"data": [dict.fromkeys(names(n), 1), dict.fromkeys(names(n + 1), 1)]}, AS_SENT
    ),
    "repeated names as sent": lambda n: posted(
        mlflow.read_json, {"dataframe_split": {"columns": names(n) * 2, "data": []}}, AS_SENT
    ),
    "ragged lists as sent": lambda n: posted(kubeserve.read_data, {"data": [*[[1, "b"]] * n, [[]]]}, AS_SENT),
    "dicts": lambda n: posted(kubeserve.read_data, {"data": [*[{"a": 1, "b": None}] * n, {"a": []}]}, DICTS),
    "tokens": lambda n: posted(kubeserve.read_data, {"data": [*[["a", "b"]] * n, [1]]}, TOKENS),
    "categories": lambda n: posted(kubeserve.read_data, {"data": [*[{"a": "b"}] * n, {"a": "z"}]}, CATEGORY),
    "dates": lambda n: posted(kubeserve.read_data, {"data": [*[{"a": "2024-01-31"}] * n, {"a": "z"}]}, DATE),
    "large integers": lambda n: posted(kubeserve.read_data, {"data": [*[[2**60] * 4] * n, [2**60 + 1] * 4]}, FOUR),
    "large integers in a tensor": lambda n: v2([tensor([n, 4], "UINT64", [2**63, 1, 1, 0.5] * n)], FOUR),
    "CSV header": lambda n: functools.partial(
        mlflow.read_csv, ",".join(names(n)).encode() + b"\n" + b",".join([b"1"] * n), wide(n)
    ),
    "CSV rows": lambda n: functools.partial(mlflow.read_csv, b"a,b,c,d\n" + b"1,,x,4\n" * n, NULLS),
    "columns of different lengths": lambda n: posted(
        kserve_v1.read_instances, {"inputs": {str(index): [1] * (index % 50) for index in range(n)}}, Schema()
    ),
    "tensors": lambda n: v2([tensor([1], "FP64", [1], name) for name in names(n)], wide(n)),
    "outputs": lambda n: v2([tensor([1, 4], "FP64", [1] * 4)], FOUR, outputs=[{"name": name} for name in names(n)]),
    "dimensions of one": lambda n: v2([tensor([1] * 31 + [n], "FP64", nested([None] * n, 31))], NULLS),
    "ragged rows": lambda n: posted(kubeserve.read_data, {"data": [*[[1, 2, 3, 4]] * n, [1, 2, 3]]}, FOUR),
    "rows with a null": lambda n: posted(kubeserve.read_data, {"data": [*[[1, 2, 3, 4]] * n, [1, 2, 3, None]]}, FOUR),
    "rows without values": lambda n: posted(kubeserve.read_data, {"data": [[]] * n}, FOUR),
    "surrogates and NaN": lambda n: functools.partial(
        kubeserve.read_data, in_python_json(b'{"x": ["\\ud83d\\ude00"' + b',"\\ud83d\\ude00"' * n + b"]}"), FOUR
    ),
    "huge integers": lambda n: functools.partial(
        kubeserve.read_data, in_python_json(b'{"data": [[' + b"9" * 4000 + b",1,2,3]" + b",[1,2,3,4]" * n + b"]}"), FOUR
    ),
    "a huge shape": lambda n: functools.partial(
        open_inference.read_inference,
        in_python_json(
            b'{"inputs": [{"name": "i", "datatype": "FP64", "data": [1], "shape": ['
            + b",".join([b"9" * 4000] * 32)
            + b']}], "x": [0'
            + b",1" * n
            + b"]}"
        ),
        None,
        FOUR,
    ),
    "a shape of lists": lambda n: v2([{**tensor([], "FP64", [1]), "shape": [[[1] * n]]}], FOUR),
    "a datatype": lambda n: v2([tensor([1], "F" * 10 * n, [1])], FOUR),
    "a name of an input": lambda n: v2([tensor([1, 2], "FP64", [1, 2], "a" * 10 * n)] * 2, FOUR),
    "a name of an output": lambda n: v2([tensor([1, 4], "FP64", [1] * 4)], FOUR, outputs=[{"name": [1] * n}]),
}
SIZE, GROWTH, MAX_RATIO = 300, 8, 24
"""A linear reader needs GROWTH times as many steps for a body GROWTH times as large; a quadratic one 64 times."""


def nested(data: list[Any], depth: int) -> list[Any]:
    for _ in range(depth):
        data = [data]
    return data


def steps(read: Read) -> int:
    """Return how many opcodes Python executes, in every function that is called.

    Time would depend on what else the machine does. What one opcode does in C is not seen here:
    tests/unit/server/inputs/test_feature_names.py counts comparisons.
    """
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "opcode"
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        outcome(read)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", GROWING)
def test_read_of_a_body_eight_times_as_large_takes_no_more_than_in_proportion(name: str) -> None:
    small, large = steps(GROWING[name](SIZE)), steps(GROWING[name](SIZE * GROWTH))
    assert small > 0
    assert large < MAX_RATIO * small


@pytest.mark.parametrize("name", [*STRINGS, *GROWING])
def test_read_in_short_steps_gives_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = STRINGS[name] if name in STRINGS else GROWING[name](SIZE)
    expected = outcome(read)
    monkeypatch.setattr(short_steps, "STEP", 7)
    assert outcome(read) == expected


def test_steps_of_a_quadratic_reader_grow_too_much() -> None:
    quadratic = lambda n: lambda: [None for _ in range(n) for _ in range(n)]  # noqa: E731 - short
    assert steps(quadratic(SIZE * GROWTH)) > MAX_RATIO * steps(quadratic(SIZE))


@pytest.mark.parametrize("name", [*STRINGS, *GROWING])
def test_read_of_a_hostile_body_refuses_in_one_short_line(name: str) -> None:
    refusal = outcome(STRINGS[name] if name in STRINGS else GROWING[name](SIZE))
    assert len(refusal) < 1000
    assert "\n" not in refusal


@pytest.mark.parametrize("depth", [900, 990, 1000, 1500, 100_000])
@pytest.mark.parametrize("value", ["1", "NaN", 'NaN,"\\ud83d\\ude00"'])
def test_read_of_deep_nesting_is_refused(depth: int, value: str) -> None:
    body = b'{"data": ' + b"[" * depth + value.encode() + b"]" * depth + b"}"
    for read in (kubeserve.read_data, functools.partial(open_inference.read_inference, header=None)):
        with contextlib.suppress(InputError):
            read(body, schema=FOUR)
            pytest.fail("was read")
