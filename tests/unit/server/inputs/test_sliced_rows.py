"""A body that is parsed in slices gives what it gives as a whole, or the same error text."""

from __future__ import annotations

import codecs
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.errors import InputError
from server.inputs import sliced_rows
from server.protocols import kserve_v1, kubeserve, mlflow
from server.schema import Schema

Read = Callable[..., Any]
NAMED = Schema(2, ("a", "b"))
SCHEMAS = (
    *(Schema(2), Schema(2, allows_missing=True), Schema(), NAMED),
    *(Schema(2, dtype=dtype, allows_missing=missing) for dtype in ("int64", "float32") for missing in (False, True)),
)
READERS: dict[str, Read] = {
    "data": kubeserve.read_data,
    "instances": kserve_v1.read_instances,
    "inputs": mlflow.read_json,
    "dataframe_split": mlflow.read_json,
}

spaces = st.sampled_from(["", "", "", " ", "\n\t"])
numbers = st.sampled_from(["1", "-0", "2.5", "1e3", "1e400", "9007199254740993", "null", "NaN", "true", "-Infinity"])
cells = st.floats(-9, 9).map(str) | st.integers(0, 99).map(str) | numbers
plain_rows = st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=9)
any_rows = st.lists(st.lists(cells, max_size=3), max_size=5)
junk = st.sampled_from(["", "", "", '"', "]", "[", "}", ",", ",,", '"x"', "[[1,2]]", ']]}{"data":[[', "\x00"])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a reader and a body for it: rows with any spaces, and sometimes a fault."""
    space = functools.partial(draw, spaces)
    rows = [
        f"{space()}[{','.join(space() + cell + space() for cell in row)}]{space()}"
        for row in draw(plain_rows | any_rows)
    ]
    data = f"[{','.join(rows)}{draw(junk)}]"
    key = draw(st.sampled_from(list(READERS)))
    if key == "dataframe_split":
        columns = draw(st.sampled_from(['["a","b"]', '["b","a"]', '["[[","]]"]', "[0,1]", "5"]))
        parts = [f'"columns":{space()}{columns}', f'"data":{space()}{data}']
        data = "{" + ",".join(draw(st.permutations(parts))) + "}"
    more = [draw(st.sampled_from(['"x": "[[1,2]]"', '"[[": [[3,4]]', '"data": [[5,6]]', '"p": {"q": []}']))]
    members = draw(st.permutations([f'"{key}"{space()}:{space()}{data}', *(more if draw(st.booleans()) else [])]))
    return key, f"{space()}{{{','.join(members)}{draw(junk)}}}{space()}".encode()


def outcome(read: Read, body: bytes, schema: Schema) -> tuple[str, Any]:
    try:
        return "", read(body, schema)
    except InputError as error:
        return str(error), None


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(sliced_rows, "SLICE", 8)
    return monkeypatch


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies(), schema=st.sampled_from(SCHEMAS))
def test_read_in_slices_is_read_as_a_whole(small: pytest.MonkeyPatch, body: tuple[str, bytes], schema: Schema) -> None:
    key, text = body
    small.setattr(sliced_rows, "MIN_SLICED", 1 << 30)
    whole = outcome(READERS[key], text, schema)
    small.setattr(sliced_rows, "MIN_SLICED", 0)
    sliced = outcome(READERS[key], text, schema)
    assert sliced[0] == whole[0]
    np.testing.assert_array_equal(sliced[1], whole[1])
    if whole[1] is not None:
        assert (sliced[1].dtype, sliced[1].flags.c_contiguous) == (whole[1].dtype, True)


ROWS = np.arange(60_000.0).reshape(-1, 2)
FORMS: dict[str, tuple[Read, Any]] = {
    "data": (kubeserve.read_data, {"data": ROWS.tolist()}),
    "instances": (kserve_v1.read_instances, {"instances": ROWS.tolist(), "signature_name": "[[x"}),
    "inputs": (kserve_v1.read_instances, {"inputs": ROWS.tolist()}),
    "split": (mlflow.read_json, {"dataframe_split": {"columns": ["a", "b"], "data": ROWS.tolist(), "index": [1]}}),
    "split, data first": (mlflow.read_json, {"dataframe_split": {"data": ROWS.tolist(), "columns": ["a", "b"]}}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("indented", [False, True])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_read_of_a_long_body_of_numbers_never_parses_it_as_a_whole(
    form: str, indented: bool, mark: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, document = FORMS[form]
    body = mark + orjson.dumps(document, option=orjson.OPT_INDENT_2 if indented else None)
    parsed: list[int] = []
    real = sliced_rows.read_json
    monkeypatch.setattr(sliced_rows, "read_json", lambda text: (parsed.append(len(text)), real(text))[1])
    for module in (kubeserve, kserve_v1, mlflow):
        monkeypatch.setattr(module, "read_document", None)
    np.testing.assert_array_equal(read(body, NAMED), ROWS)
    assert len(body) > sliced_rows.MIN_SLICED
    assert max(parsed) < sliced_rows.SLICE + 100
