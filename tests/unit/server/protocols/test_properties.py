"""Any body is read or refused in one line, and all protocols read the same rows as the same matrix."""

from __future__ import annotations

import contextlib
import functools
import string
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from server.errors import InputError
from server.protocols import kserve_v1, mlflow, open_inference, tensors
from server.protocols.json_answer import encode_json, encode_predictions
from server.protocols.kubeserve import read_data
from server.schema import Schema
from tests.bodies import bodies, written
from tests.examples import examples
from tests.unit.server import example_models
from tests.unit.server.example_models import schema_of

MODELS = (
    example_models.numbers,
    example_models.named,
    example_models.missing,
    example_models.people,
    example_models.objects,
    example_models.texts,
)
SCHEMAS = [schema_of(model) for model in MODELS]


def refusal(read: Any, body: bytes, schema: Schema) -> str | None:
    """Return the sentence of the error, or None if the body was read and the model answers or rejects it."""
    try:
        X = read(body, schema)
    except InputError as error:
        return str(error)
    with contextlib.suppress(ValueError):  # the predictor makes it a 400; anything else would be a 500
        MODELS[SCHEMAS.index(schema)].predict(getattr(X, "X", X))
    return None


READERS = (read_data, kserve_v1.read_instances, mlflow.read_json, mlflow.read_csv)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names", "ignore:overflow encountered in cast")
@examples(500)
@given(document=bodies, schema=st.sampled_from(SCHEMAS))
def test_readers_of_any_json_answer_or_refuse_in_one_line(document: Any, schema: Schema) -> None:
    body = written(document)
    infers = (functools.partial(infer, header) for header in (None, len(body), len(body) // 2))
    refusals = [refusal(read, body, schema) for read in (*READERS, *infers)]
    assert [text for text in refusals if text is not None and (not text or "\n" in text)] == []


def infer(header: int | None, body: bytes, schema: Schema) -> Any:
    return open_inference.read_inference(body, header, schema)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names", "ignore:overflow encountered in cast")
@examples(300)
@given(body=st.binary(max_size=60), schema=st.sampled_from(SCHEMAS))
def test_readers_of_any_bytes_answer_or_refuse_in_one_line(body: bytes, schema: Schema) -> None:
    refusals = [refusal(read, body, schema) for read in READERS]
    assert "" not in refusals


finite = st.floats(allow_nan=False, allow_infinity=False)
matrices = arrays.arrays(np.float64, st.tuples(st.integers(1, 4), st.just(2)), elements=finite)
dtypes = st.sampled_from(list(tensors.DATATYPES.values()))


def as_bytes(X: np.ndarray[Any, Any], datatype: str) -> tuple[bytes, int]:
    described = {"name": "input", "shape": X.shape, "datatype": datatype, "parameters": {"binary_data_size": X.nbytes}}
    head = orjson.dumps({"inputs": [described]})
    return head + X.tobytes(), len(head)


def as_json(X: np.ndarray[Any, Any], datatype: str, *, nested: bool) -> bytes:
    data = X.tolist() if nested else X.ravel().tolist()
    return orjson.dumps({"inputs": [{"name": "input", "shape": X.shape, "datatype": datatype, "data": data}]})


@examples(100)
@given(data=st.data(), dtype=dtypes, nested=st.booleans())
def test_read_inference_gives_the_same_matrix_from_bytes_and_from_json(
    data: st.DataObject, dtype: Any, nested: bool
) -> None:
    elements = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    shape = st.tuples(st.integers(1, 4), st.just(2))
    X = data.draw(arrays.arrays(dtype, shape, elements=arrays.from_dtype(dtype, **elements)))
    datatype = tensors.DATATYPE_NAMES[dtype]
    assume(X.dtype.kind == "f" or bool((X.astype(np.float64).astype(object) == X).all()))  # others are refused
    from_json = open_inference.read_inference(as_json(X, datatype, nested=nested), None, Schema(2)).X
    from_bytes = open_inference.read_inference(*as_bytes(X, datatype), Schema(2)).X
    np.testing.assert_array_equal(from_json, X.astype(np.float64))
    np.testing.assert_array_equal(from_bytes, from_json)


@examples(100)
@given(
    answer=arrays.arrays(dtypes, arrays.array_shapes(max_dims=2, max_side=4))
    | arrays.arrays(
        st.just(np.dtype(object)), arrays.array_shapes(max_dims=2, max_side=4), elements=st.text(max_size=4)
    ),
)
def test_encode_tensor_is_reversed_by_decode_tensor(answer: np.ndarray[Any, Any]) -> None:
    described, data = tensors.encode_tensor("y", answer, binary=True)
    back = tensors.decode_tensor(described, "y", tensors.Tail(memoryview(data)))
    np.testing.assert_array_equal(back.values, answer)
    assert back.values.dtype == answer.dtype
    if answer.dtype.kind != "f":  # JSON has no NaN
        shown = orjson.loads(encode_json(tensors.encode_tensor("y", answer, binary=False)[0]))
        np.testing.assert_array_equal(tensors.decode_tensor(shown, "y", tensors.Tail(memoryview(b""))).values, answer)


@examples(100)
@given(X=matrices)
def test_readers_of_every_protocol_give_the_same_matrix(X: np.ndarray[Any, Any]) -> None:
    schema, rows = schema_of(example_models.missing), X.tolist()
    split = {"columns": [0, 1], "data": rows}
    read = [
        read_data(orjson.dumps({"data": rows}), schema),
        kserve_v1.read_instances(orjson.dumps({"instances": rows}), schema),
        mlflow.read_json(orjson.dumps({"dataframe_split": split}), schema),
        mlflow.read_csv(b"x,y\n" + b"".join(b"%r,%r\n" % tuple(row) for row in rows), schema),
        open_inference.read_inference(as_json(X, "FP64", nested=False), None, schema).X,
        open_inference.read_inference(*as_bytes(X, "FP64"), schema).X,
    ]
    for found in read:
        np.testing.assert_array_equal(found, X)
        assert (found.dtype, found.flags.c_contiguous) == (np.float64, True)


gaps = arrays.arrays(np.float64, st.tuples(st.integers(1, 4), st.just(2)), elements=finite | st.just(np.nan))


@examples(100)
@given(X=gaps)
def test_readers_of_pythons_nan_take_it_as_a_missing_value(X: np.ndarray[Any, Any]) -> None:
    schema, rows = schema_of(example_models.missing), X.tolist()
    tensor = {"name": "input", "shape": X.shape, "datatype": "FP64", "data": rows}
    read = [
        read_data(written({"data": rows}), schema),
        kserve_v1.read_instances(written({"instances": rows}), schema),
        mlflow.read_json(written({"dataframe_split": {"data": rows}}), schema),
        open_inference.read_inference(written({"inputs": [tensor]}), None, schema).X,
    ]
    for found in read:
        np.testing.assert_array_equal(found, X)


@examples(100)
@given(
    own=st.lists(
        st.text(string.ascii_letters + ':"\\{} é', min_size=1, max_size=5), min_size=2, max_size=4, unique=True
    ),
    data=st.data(),
)
def test_read_data_of_objects_in_any_order_gives_the_models_order(own: list[str], data: st.DataObject) -> None:
    schema, order = Schema(len(own), tuple(own)), data.draw(st.permutations(range(len(own))))
    pairs = [f"{orjson.dumps(own[index]).decode()}:{index}" for index in order]
    body = '{"data":[{' + ",".join(pairs) + "}]}"
    assert read_data(body.encode(), schema).tolist() == [[float(index) for index in range(len(own))]]


def test_encode_predictions_gives_the_estimators_answers() -> None:
    X = np.array([[0.0, 1.0], [3.0, 5.0]])
    assert orjson.loads(encode_predictions(example_models.numbers.predict(X))) == {"predictions": ["no", "yes"]}
