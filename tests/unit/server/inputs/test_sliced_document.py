"""A JSON text that is parsed in slices gives what it gives as a whole, or the same error text."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.errors import InputError
from server.inputs import json_document, sliced_document
from server.inputs.json_document import read_json
from tests import bodies

texts = st.text(st.sampled_from('"\\,[]{}:\n aé'), max_size=4) | st.sampled_from(["\ud800", '","', "],[", "},{", "NaN"])
scalars = st.none() | st.integers(0, 99) | st.sampled_from([2**70, float("nan"), float("inf"), -0.0, 1e300]) | texts
items = st.lists(
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(texts | st.just("data"), scalars, max_size=2), max_size=9
)
same_items = st.one_of(*[st.lists(kind, max_size=9) for kind in (texts, st.integers(), st.lists(scalars, max_size=3))])
keys = st.sampled_from(["data", "instances", "inputs", "columns", "x"])
documents = st.dictionaries(
    keys, items | same_items | st.dictionaries(keys, items | same_items, max_size=2), max_size=3
)
faults = st.sampled_from(["", "", "", ",", "]", "[", '"', "}", ",,", "\x00", "1"])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a text that is JSON, or that Python's encoder writes, or that has a fault somewhere."""
    indent = draw(st.sampled_from([None, 0]))
    text = json.dumps(draw(documents | bodies.values), indent=indent, ensure_ascii=draw(st.booleans()))
    at = draw(st.integers(0, len(text)))
    return (text[:at] + draw(faults) + text[at:]).encode(errors="surrogatepass")


def outcome(text: bytes) -> tuple[str, Any]:
    try:
        return "", repr(read_json(text))
    except InputError as error:
        return str(error), None


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=damaged(), size=st.sampled_from([0, 3, 8]))
def test_read_json_in_slices_is_read_as_a_whole(monkeypatch: pytest.MonkeyPatch, text: bytes, size: int) -> None:
    monkeypatch.setattr(sliced_document, "SLICE", size)
    monkeypatch.setattr(sliced_document, "MIN_SLICED", 1 << 30)
    whole = outcome(text)
    monkeypatch.setattr(sliced_document, "MIN_SLICED", 0)
    assert outcome(text) == whole


@pytest.mark.parametrize("size", [0, 8, 1 << 20])
def test_read_json_of_a_long_object_keeps_the_order_of_names_and_the_last_of_a_repeated_one(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(sliced_document, "MIN_SLICED", 0)
    monkeypatch.setattr(sliced_document, "SLICE", size)
    found = read_json(b'{"a": 1, "b": {"a": 5, "c": 6}, "a": 2, "d": 3, "b": 4}')
    assert list(found.items()) == [("a", 2), ("b", 4), ("d", 3)]


@pytest.mark.parametrize("inside", ['"a":1,', '"a":1,,"b":2', ',"a":1', '"a":1},{"b":2', '"a":1 "b":2', '"a":1}}'])
@pytest.mark.parametrize("size", [0, 1, 3])
def test_read_json_of_a_faulty_object_is_refused_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, inside: str, size: int
) -> None:
    text = f'{{"data":[{{{inside}}}]}}'.encode()
    monkeypatch.setattr(sliced_document, "MIN_SLICED", 1 << 30)
    whole = outcome(text)
    monkeypatch.setattr(sliced_document, "MIN_SLICED", 0)
    monkeypatch.setattr(sliced_document, "SLICE", size)
    assert outcome(text) == whole


@pytest.mark.parametrize(
    "inside", ["1,2,", "1,,2", ",1", "[1],[2],", '"a","b",', '{"a":1},', "1 2", '"a" "b"', "[1]],[[2]"]
)
@pytest.mark.parametrize("size", [0, 1, 3])
def test_read_json_of_a_faulty_list_is_refused_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, inside: str, size: int
) -> None:
    text = f'{{"data":[{inside}]}}'.encode()
    monkeypatch.setattr(sliced_document, "MIN_SLICED", 1 << 30)
    whole = outcome(text)
    monkeypatch.setattr(sliced_document, "MIN_SLICED", 0)
    monkeypatch.setattr(sliced_document, "SLICE", size)
    assert whole[0].startswith("the body is not JSON")
    assert outcome(text) == whole


def test_mark_is_another_in_each_process_so_that_no_body_has_it() -> None:
    spec = importlib.util.find_spec(sliced_document.__name__)
    assert spec
    assert spec.loader
    other = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(other)
    assert other.MARK != sliced_document.MARK


LONG: dict[str, Any] = {
    "rows with a null": {"data": [[1, None, 3]] * 60_000},
    "rows by name": {"instances": [{"city": 'Rome, "},{" ', "age": 1}] * 20_000},
    "texts": {"data": ['a, "b"'] * 60_000},
    "a split": {"dataframe_split": {"columns": ["a", "b"], "data": [["x", 1]] * 60_000}},
    "a tensor": {"inputs": [{"name": "i", "shape": [300_000], "datatype": "INT64", "data": [1] * 300_000}]},
    "names": {f"c{index}": index for index in range(40_000)},
    "a row of names": {"data": [{f'"}}, "{index}': ["a", None] for index in range(40_000)}]},
    "columns": {"dataframe_split": {}, "inputs": {f"c{index}": [1, {"a": 2}] for index in range(40_000)}},
    "many tensors": {"inputs": [{"name": "i", "shape": [1], "datatype": "FP64", "data": [1]}] * 20_000},
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("dump", [orjson.dumps, lambda document: json.dumps(document, indent=1).encode()])
@pytest.mark.parametrize("parser", ["orjson", "json"])
def test_read_json_of_a_long_list_never_parses_it_as_a_whole(
    name: str, dump: Callable[[Any], bytes], parser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, sizes = dump(LONG[name]), list[int]()
    parse = orjson.loads if parser == "orjson" else json_document._parse_python_json
    found = sliced_document.parse_in_slices(text, lambda part: (sizes.append(len(part)), parse(part))[1])
    assert found == LONG[name]
    assert len(text) > sliced_document.MIN_SLICED
    assert max(sizes) < sliced_document.SLICE + 200
