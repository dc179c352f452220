"""The Open Inference Protocol: each row of a table is one form that the specification allows, or one fault in it."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest

from server.errors import InputError
from server.inputs.json_rows import rows_to_input
from server.protocols import open_inference
from server.protocols.metadata import model_metadata
from server.protocols.open_inference import header_length, read_inference, write_inference
from server.schema import InputForm, Kind, Schema
from tests.unit.server import example_models
from tests.unit.server.example_models import schema_of

TWO = Schema(2, methods=frozenset({"predict", "predict_proba"}))
ONE = Schema(1)
MISSING = Schema(2, allows_missing=True)
AS_SENT = Schema(form=InputForm.AS_SENT)
PEOPLE = schema_of(example_models.people)


def tensor(data: Any = None, shape: Any = (1, 2), datatype: Any = "FP64", name: Any = "input", **more: Any) -> Any:
    found = {"name": name, "shape": list(shape), "datatype": datatype, **more}
    return found if data is None else {**found, "data": data}


def request(*inputs: Any, **more: Any) -> bytes:
    return orjson.dumps({"inputs": inputs, **more})


def binary(values: bytes, **described: Any) -> tuple[bytes, int]:
    head = request(tensor(parameters={"binary_data_size": len(values)}, **described))
    return head + values, len(head)


@pytest.mark.parametrize(
    ("given", "schema", "expected"),
    [
        (tensor([1, 2]), TWO, [[1.0, 2.0]]),
        (tensor([[1, 2.5], [3, 4]], (2, 2)), TWO, [[1.0, 2.5], [3.0, 4.0]]),
        (tensor([1, 2, 3, 4], (2, 2)), TWO, [[1.0, 2.0], [3.0, 4.0]]),
        (tensor([0.1, 2], datatype="FP32"), TWO, [[float(np.float32(0.1)), 2.0]]),
        (tensor([True, False], datatype="BOOL"), TWO, [[1.0, 0.0]]),
        (tensor([255, 0], datatype="UINT8"), TWO, [[255.0, 0.0]]),
        (tensor([-128, 2.0], datatype="INT8"), TWO, [[-128.0, 2.0]]),
        (tensor([9223372036854775808, 1], datatype="UINT64"), TWO, [[9223372036854775808.0, 1.0]]),
        (tensor([9223372036854775808.0, 1], datatype="UINT64"), TWO, [[9223372036854775808.0, 1.0]]),
        (tensor([7, 8], (2,), name="x"), ONE, [[7.0], [8.0]]),
        (tensor([None, 2]), MISSING, [[np.nan, 2.0]]),
        (tensor([None, 2], datatype="INT8"), MISSING, [[np.nan, 2.0]]),
        (tensor([None, True], datatype="BOOL"), MISSING, [[np.nan, 1.0]]),
    ],
)
def test_read_inference_of_a_json_tensor_returns_the_models_input(
    given: Any, schema: Schema, expected: list[list[float]]
) -> None:
    X = read_inference(request(given), None, schema).X
    assert X.dtype == np.float64
    np.testing.assert_array_equal(X, expected)


@pytest.mark.parametrize("name", ["?", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8"])
def test_read_inference_of_a_binary_tensor_of_each_datatype_returns_its_values(name: str) -> None:
    dtypes = {"?": "BOOL", "i": "INT", "u": "UINT", "f": "FP"}
    dtype = np.dtype(name)
    datatype = dtypes[dtype.kind if dtype.kind != "b" else "?"] + (f"{8 * dtype.itemsize}" if dtype.kind != "b" else "")
    values = np.array([[1, 0], [1, 1]], dtype)
    body, header = binary(values.tobytes(), shape=(2, 2), datatype=datatype)
    np.testing.assert_array_equal(read_inference(body, header, TWO).X, [[1, 0], [1, 1]])


def test_read_inference_of_an_aligned_binary_tensor_does_not_copy_it() -> None:
    values = np.arange(4.0).reshape(2, 2)
    body, header = binary(values.tobytes(), shape=(2, 2))
    place = np.zeros(len(body) + 8, np.uint8)[-header % 8 :][: len(body)]
    place[:] = np.frombuffer(body, np.uint8)
    X = read_inference(place.data, header, TWO).X
    assert np.shares_memory(X, place)
    assert X.flags.c_contiguous
    assert X.flags.aligned


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "the body is a list"),
        (b"{}", "'inputs' is missing"),
        (request(), "'inputs' is missing or empty"),
        (request(5), "inputs[0] is a number"),
        (request(tensor([1, 2], name=3)), "inputs[0].name is a number"),
        (request(tensor([1, 2], datatype="FLOAT")), "inputs[0].datatype is 'FLOAT'; it can be BOOL, INT8"),
        (request(tensor([1, 2], shape=[])), "inputs[0].shape is missing"),
        (request(tensor([1, 2], shape=[1, -2])), "inputs[0].shape is [1, -2]; whole numbers"),
        (request(tensor([1, 2], shape=[2.0])), "inputs[0].shape is [2.0]; whole numbers"),
        (request(tensor([1], shape=[1] * 65)), "inputs[0].shape has 65 dimensions; 32 are the most"),
        (b'{"id": "\\ud800", "inputs": [NaN]}', "half of a surrogate pair"),
        (request(tensor([1, 2, 3])), "inputs[0].data has 3 values; shape [1, 2] has 2"),
        (request(tensor([[1], [2]])), "inputs[0].data has a list of 2 values where shape [1, 2] has a list of 1"),
        (
            request(tensor([[1, 2], [3]], (2, 2))),
            "inputs[0].data has a list of 1 values where shape [2, 2] has a list of 2",
        ),
        (request(tensor([1, "2"])), "inputs[0].data[1] is a string; FP64 takes numbers"),
        (request(tensor([1, None])), "inputs[0].data[0][1] is null or NaN; a number is needed"),
        (request(tensor([1, None], datatype="INT8")), "inputs[0].data[0][1] is null or NaN; a number"),
        (request(tensor([None, 300], datatype="INT8")), "inputs[0].data[1] is 300, which is no INT8"),
        (request(tensor([None, "1"], datatype="BOOL")), "inputs[0].data[1] is a string; BOOL takes numbers"),
        (request(tensor([None, 2**53 + 1], datatype="INT64")), "data[0][1] is 9007199254740993, an integer that a"),
        (request(tensor([1, 256], datatype="UINT8")), "inputs[0].data[1] is 256, which is no UINT8"),
        (request(tensor([1, 1.5], datatype="INT64")), "inputs[0].data[1] is 1.5, which is no INT64"),
        (request(tensor([1, 2**53 + 1], datatype="INT64")), "data[0][1] is 9007199254740993, an integer that a 64-bit"),
        (request(tensor([0.0, 2**63 + 1], datatype="UINT64")), "data[0][1] is 9223372036854775809, an integer that"),
        (
            request(tensor([0, 1.8446744073709552e19], datatype="UINT64")),
            "data[1] is 1.8446744073709552e+, which is no",
        ),
        (request(tensor([2**63, 1], datatype="INT64")), "inputs[0].data[0] is 9223372036854775808, which is no INT64"),
        (request(tensor([1, 1e300], datatype="FP32")), "inputs[0].data[1] is 1e+300, which is no FP32"),
        (request(tensor(["a", "b"], datatype="BYTES")), "inputs[0].datatype is BYTES; the model takes numbers"),
        (request(tensor([1], (1, 1))), "inputs[0] has 1 values; the model takes 2"),
        (request(tensor([1, 2], (1, 1, 2))), "inputs[0].shape is [1, 1, 2]; expected [rows, 2]"),
        (request(tensor()), "inputs[0] has neither data nor parameters.binary_data_size"),
        (
            request(tensor(parameters={"binary_data_size": 16})),
            "inputs[0] says 16 bytes of binary data; the body has 0",
        ),
        (request(tensor([1, 2]), id=5), "id is a number"),
        (request(tensor([1, 2]), outputs=[{"name": "output"}]), "outputs[0].name is 'output'; each of predict"),
        (request(tensor([1, 2]), outputs=[{"name": "transform"}]), "no transform(); it has predict, predict_proba"),
        (request(tensor([1, 2]), outputs=[{"name": "predict"}] * 2), "outputs[1].name is 'predict'; each"),
        (request(tensor([1, 2]), outputs={}), "outputs must be a list"),
        (request(tensor([1, 2]), parameters=[]), "the body.parameters is a list"),
    ],
)
def test_read_inference_of_a_faulty_request_names_the_problem_and_its_place(body: bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_inference(body, None, TWO)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("values", "described", "more", "words"),
    [
        (b"1234567", {}, 0, "inputs[0] says 7 bytes; shape [1, 2] of FP64 has 16"),
        (bytes(16), {}, 5, "the body has 5 bytes more than the inputs' binary_data_size say"),
        (np.array([np.nan, np.inf]).tobytes(), {}, 0, "inputs[0].data[0][0] is null or NaN"),
        (struct.pack("<I", 9) + b"ab", {"datatype": "BYTES"}, 0, "ends within an element"),
        (b"ab", {"datatype": "BYTES"}, 0, "ends within an element"),
        (struct.pack("<I", 1) + b"\xff", {"datatype": "BYTES", "shape": (1,)}, 0, "not UTF-8"),
        (struct.pack("<I", 1) + b"a", {"datatype": "BYTES"}, 0, "inputs[0] has 1 values; shape [1, 2] has 2"),
    ],
)
def test_read_inference_of_binary_data_that_does_not_fit_is_refused(
    values: bytes, described: Any, more: int, words: str
) -> None:
    body, header = binary(values, **described)
    with pytest.raises(InputError) as caught:
        read_inference(body + bytes(more), header, TWO)
    assert words in str(caught.value)


@pytest.mark.parametrize("value", ["", "-1", "1.5", "ten", "9" * 20, "²"])
def test_header_length_of_anything_but_a_length_is_refused(value: str) -> None:
    with pytest.raises(InputError, match="Inference-Header-Content-Length"):
        header_length(value)


def test_read_inference_with_a_header_beyond_the_body_is_refused() -> None:
    with pytest.raises(InputError, match="is 9; the body has 2 bytes"):
        read_inference(b"{}", 9, TWO)


def test_read_inference_of_columns_by_name_takes_any_order() -> None:
    city = tensor(["Rome", "Oslo"], (2, 1), "BYTES", "city")
    body = request(tensor([20, None], (2,), name="age"), city, parameters={"content_type": "pd"})
    frame = read_inference(body, None, PEOPLE).X
    assert example_models.people.predict(frame).tolist() == [0, 1]
    with pytest.raises(InputError, match="inputs lacks 'age'; the model takes city, age"):
        read_inference(request(city, parameters={"content_type": "pd"}), None, PEOPLE)
    with pytest.raises(InputError, match="inputs repeats 'city'"):
        read_inference(request(city, city, parameters={"content_type": "pd"}), None, PEOPLE)
    with pytest.raises(InputError, match="input 'age' has shape"):
        read_inference(request(tensor([1, 2, 3, 4], (2, 2), name="age"), city), None, PEOPLE)
    with pytest.raises(InputError, match="inputs has columns of 1 and 2 values"):
        read_inference(request(tensor([1], (1,), name="age"), city), None, PEOPLE)


@pytest.mark.parametrize(
    ("answer", "datatype", "shape", "data"),
    [
        (np.array([1, 2]), "INT64", [2], [1, 2]),
        (np.array([1, 2], np.int32), "INT32", [2], [1, 2]),
        (np.array([[0.5, np.nan]], np.float32), "FP32", [1, 2], [0.5, None]),
        (np.array([True]), "BOOL", [1], [True]),
        (np.array(["no", "ja"]), "BYTES", [2], ["no", "ja"]),
        (np.array([1, "x"], object), "BYTES", [2], ["1", "x"]),
        (np.array([[1.0, 2.0], [3.0, 4.0]], order="F"), "FP64", [2, 2], [1.0, 2.0, 3.0, 4.0]),
        (np.array([1.5], np.longdouble), "FP64", [1], [1.5]),
        (np.array([1.5], ">f8"), "FP64", [1], [1.5]),
    ],
)
def test_write_inference_of_an_answer_is_the_same_as_json_and_as_bytes(
    answer: Any, datatype: str, shape: list[int], data: Any
) -> None:
    for as_bytes in (False, True):
        asked = read_inference(request(tensor([1, 2]), id="7", parameters={"binary_data_output": as_bytes}), None, TWO)
        body, length = write_inference(asked, [answer], "m", "v1")
        output = {"name": "predict", "datatype": datatype, "shape": shape}
        if not as_bytes:
            expected = {"model_name": "m", "model_version": "v1", "id": "7", "outputs": [{**output, "data": data}]}
            assert (orjson.loads(body), length) == (expected, None)
            continue
        assert length is not None
        size = len(body) - length
        assert orjson.loads(body[:length])["outputs"] == [{**output, "parameters": {"binary_data_size": size}}]
        if datatype == "BYTES":
            assert body[length:] == b"".join(struct.pack("<I", len(text)) + text.encode() for text in data)
        else:
            found = np.frombuffer(body[length:], open_inference.tensors.DATATYPES[datatype])
            np.testing.assert_array_equal(found, np.array(data, found.dtype))


def test_write_inference_of_requested_outputs_gives_each_its_own_form() -> None:
    wanted = [{"name": "predict_proba", "parameters": {"binary_data": True}}, {"name": "predict"}]
    asked = read_inference(request(tensor([1, 2]), outputs=wanted), None, TWO)
    body, length = write_inference(asked, [np.array([[0.25, 0.75]]), np.array([1])], "m", "")
    assert orjson.loads(body[:length]) == {
        "model_name": "m",
        "outputs": [
            {"name": "predict_proba", "datatype": "FP64", "shape": [1, 2], "parameters": {"binary_data_size": 16}},
            {"name": "predict", "datatype": "INT64", "shape": [1], "data": [1]},
        ],
    }
    assert np.frombuffer(body[length:]).tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        ({"predict", "transform"}, "predict"),
        ({"transform", "score_samples"}, "transform"),
        ({"score_samples"}, "score_samples"),
        ({"decision_function"}, "decision_function"),
    ],
)
def test_read_inference_without_outputs_wants_the_main_method(methods: set[str], expected: str) -> None:
    asked = read_inference(request(tensor([1, 2])), None, Schema(2, methods=frozenset(methods)))
    assert [wanted.method for wanted in asked.wanted] == [expected]


def test_write_inference_of_two_outputs_gives_a_tensor_for_each() -> None:
    answer = example_models.two_outputs.predict_proba([[0.0, 1.0]])
    asked = read_inference(
        request(tensor([0, 1]), outputs=[{"name": "predict_proba"}]), None, schema_of(example_models.two_outputs)
    )
    outputs = orjson.loads(write_inference(asked, [answer], "m", "")[0])["outputs"]
    assert [output["name"] for output in outputs] == ["predict_proba_0", "predict_proba_1"]


@pytest.mark.parametrize("answer", [[140, 114], (140, 114), [np.float64(0.5), np.float64(1)], ["no", "yes"]])
def test_write_inference_of_a_list_of_plain_values_is_one_tensor(answer: Any) -> None:
    body, _ = write_inference(read_inference(request(tensor([1, 2])), None, TWO), [answer], "m", "")
    assert orjson.loads(body)["outputs"][0] | {"datatype": ""} == {
        "name": "predict",
        "shape": [2],
        "datatype": "",
        "data": list(answer),
    }


def test_read_inference_takes_each_output_of_the_metadata() -> None:
    schema = schema_of(example_models.two_outputs)
    listed = [output["name"] for output in model_metadata(schema, "m", "", "")["outputs"]]
    assert listed == ["predict", "predict_proba_0", "predict_proba_1"]
    wanted = [{"name": "predict_proba_1", "parameters": {"binary_data": True}}, {"name": "predict_proba_0"}]
    asked = read_inference(request(tensor([0, 1]), outputs=wanted), None, schema)
    answer = [np.array([[0.25, 0.75]]), np.array([[0.5, 0.5]])]
    body, length = write_inference(asked, [answer, answer], "m", "")
    second, first = orjson.loads(body[:length])["outputs"]
    assert [output.method for output in asked.wanted] == ["predict_proba", "predict_proba"]
    assert (second["name"], np.frombuffer(body[length:]).tolist()) == ("predict_proba_1", [0.5, 0.5])
    assert (first["name"], first["data"]) == ("predict_proba_0", [0.25, 0.75])
    for name in ("predict_proba_2", "predict_0"):
        with pytest.raises(InputError, match=rf"outputs\[0\].name is '{name}'; each of predict, predict_proba"):
            read_inference(request(tensor([0, 1]), outputs=[{"name": name}]), None, schema)


def test_model_metadata_describes_the_models_own_inputs_and_outputs() -> None:
    assert model_metadata(schema_of(example_models.numbers), "m", "v1", "sklearn 1.9.1", "data") == {
        "name": "m",
        "versions": ["v1"],
        "platform": "sklearn_joblib",
        "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, 2]}],
        "outputs": [
            {"name": "predict", "datatype": "BYTES", "shape": [-1]},
            {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]},
            {"name": "decision_function", "datatype": "FP64", "shape": [-1]},
        ],
        "parameters": {
            "feature_names": (),
            "classes": ("no", "yes"),
            "input_form": "matrix",
            "input_evidence": "the fitted parts of the model",
            "loaded": "data",
        },
    }
    assert model_metadata(PEOPLE, "m", "", "sklearn 1.9.1")["inputs"] == [
        {"name": "city", "datatype": "BYTES", "shape": [-1]},
        {"name": "age", "datatype": "FP64", "shape": [-1]},
    ]
    assert [it["name"] for it in model_metadata(schema_of(example_models.density), "m", "", "")["outputs"]] == [
        "score_samples"
    ]
    assert model_metadata(schema_of(example_models.texts), "m", "", "")["inputs"] == [
        {"name": "input", "datatype": "BYTES", "shape": [-1]}
    ]
    assert model_metadata(Schema(), "m", "", "")["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, -1]}]


def test_read_inference_of_outputs_named_by_methods_does_not_convert_the_example(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body, schema = request(tensor([1, 2]), outputs=[{"name": "predict"}]), schema_of(example_models.numbers)
    monkeypatch.setattr(open_inference, "arrays", None)
    assert [wanted.method for wanted in read_inference(body, None, schema).wanted] == ["predict"]


def test_read_inference_of_too_many_tensors_is_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_inference.tensors, "decode_tensor", lambda *_: pytest.fail("a tensor was decoded"))
    with pytest.raises(InputError, match="inputs has 3 values; the model takes 2"):
        read_inference(request(*[tensor([1], (1,))] * 3), None, TWO)
    with pytest.raises(InputError, match="inputs has unknown 'zip'; the model takes city, age"):
        read_inference(request(*[tensor([1], (1,), name=name) for name in ("city", "age", "zip")]), None, PEOPLE)


def test_read_inference_of_an_unaligned_binary_tensor_aligns_it() -> None:
    body, header = binary(np.arange(4.0).tobytes(), shape=(2, 2))
    place = np.zeros(len(body) + 9, np.uint8)[-header % 8 + 1 :][: len(body)]
    place[:] = np.frombuffer(body, np.uint8)
    X = read_inference(place.data, header, TWO).X
    assert X.flags.aligned
    assert X.tolist() == [[0.0, 1.0], [2.0, 3.0]]


def test_read_inference_of_numbers_for_a_column_of_strings_is_refused() -> None:
    body = request(tensor([1], (1,), name="city"), tensor([20], (1,), name="age"))
    with pytest.raises(InputError, match="a string is needed"):
        read_inference(body, None, PEOPLE)


@pytest.mark.parametrize(
    ("datatype", "values", "kind"),
    [
        ("BYTES", ["Rome", None], Kind.STRING),
        ("INT64", [7, None], Kind.NUMBER),
        ("UINT8", [7, None], Kind.INTEGER),
        ("INT64", [7, None], Kind.ANY),
        ("BOOL", [True, None], Kind.BOOLEAN),
        ("FP64", [0.5, None], Kind.NUMBER),
    ],
)
def test_read_inference_of_a_null_in_a_column_of_any_datatype_is_the_missing_value_of_a_json_row(
    datatype: str, values: list[Any], kind: Kind
) -> None:
    schema = Schema(names=("c",), form=InputForm.DATAFRAME, kinds=(kind,))
    column = tensor(values, (2,), datatype, "c")
    found = read_inference(request(column, parameters={"content_type": "pd"}), None, schema).X
    expected = rows_to_input([[value] for value in values], schema, "data", no_strings=False)
    pd.testing.assert_frame_equal(found, expected)
    assert found["c"].isna().tolist() == [False, True]


def test_read_inference_of_a_null_in_integers_is_missing_where_the_model_does_not_say() -> None:
    X = read_inference(request(tensor([None, 2], datatype="INT64")), None, AS_SENT).X
    np.testing.assert_array_equal(X, [[np.nan, 2.0]])


def test_read_inference_of_columns_as_sent_is_a_dataframe_with_the_requests_names() -> None:
    when = tensor(["2024-01-31"], (1, 1), "BYTES", "when", parameters={"content_type": "datetime"})
    city = tensor(["Rome"], (1,), "BYTES", "city", parameters={"content_type": "str"})
    for more in ({}, {"parameters": {"content_type": "pd"}}):
        frame = read_inference(request(when, city, tensor([7], (1,), "INT64", "id"), **more), None, AS_SENT).X
        assert frame.to_dict("records") == [{"when": pd.Timestamp("2024-01-31"), "city": "Rome", "id": 7}]
    frame = read_inference(request(city, parameters={"content_type": "pd"}), None, AS_SENT).X
    assert frame.to_dict("records") == [{"city": "Rome"}]
    with pytest.raises(InputError, match=r"inputs\['when'\]\[0\] is a number; a date in ISO 8601 is needed"):
        read_inference(request({**when, "data": [5], "datatype": "INT64"}, city), None, AS_SENT)


@pytest.mark.parametrize("more", [{}, {"parameters": {"content_type": "pd"}}])
def test_read_inference_of_an_infinity_for_a_model_that_does_not_say_what_it_takes_is_refused(more: Any) -> None:
    described = tensor(None, (1, 1), parameters={"binary_data_size": 8})
    head = request(described, **more)
    with pytest.raises(InputError, match=r"inputs.*0.* is too large for a 64-bit number"):
        read_inference(head + np.array([np.inf]).tobytes(), len(head), AS_SENT)


@pytest.mark.parametrize(
    ("given", "form", "dtype", "expected"),
    [
        (tensor([1, 2], datatype="INT64"), InputForm.AS_SENT, "int64", [[1, 2]]),
        (tensor([1, 2.5], datatype="FP32"), InputForm.AS_SENT, "float32", [[1.0, 2.5]]),
        (tensor(["a", "b"], datatype="BYTES"), InputForm.AS_SENT, "object", [["a", "b"]]),
        (tensor(["a", "b"], (2,), "BYTES"), InputForm.AS_SENT, "object", ["a", "b"]),
        (tensor(["a", "b"], (2, 1), "BYTES"), InputForm.TEXTS, "object", ["a", "b"]),
    ],
)
def test_read_inference_of_one_tensor_keeps_its_type_where_the_model_does_not_say(
    given: Any, form: InputForm, dtype: str, expected: Any
) -> None:
    X = read_inference(request(given), None, Schema(form=form)).X
    assert (X.dtype, X.tolist()) == (dtype, expected)


def test_read_inference_of_dicts_and_tokens_are_lists() -> None:
    dicts, tokens = Schema(form=InputForm.DICTS), Schema(form=InputForm.TOKENS)
    city, temp = tensor(["Rome"], (1,), "BYTES", "city"), tensor([21.5], (1,), "FP64", "temp")
    assert read_inference(request(city, temp), None, dicts).X == [{"city": "Rome", "temp": 21.5}]
    assert read_inference(request(temp), None, dicts).X == [{"temp": 21.5}]
    rows = tensor(["a", "b", "c", "d"], (2, 2), "BYTES")
    assert read_inference(request(rows), None, tokens).X == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize("datatype", ["INT64", "UINT64"])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_read_inference_of_large_integers_keeps_them_in_columns_and_integer_matrices(
    datatype: str, as_bytes: bool
) -> None:
    ids = [2**53 + 1, 2**53 + 3]
    described = {"shape": (2, 1), "datatype": datatype, "name": "id"}
    body, header = (
        binary(np.array(ids).tobytes(), **described) if as_bytes else (request(tensor(ids, **described)), None)
    )
    assert read_inference(body, header, Schema(1, dtype="int64")).X.tolist() == [[value] for value in ids]
    frame = Schema(names=("id",), form=InputForm.DATAFRAME, kinds=(Kind.ANY,))
    assert read_inference(body, header, frame).X["id"].tolist() == ids
    objects = Schema(1, form=InputForm.OBJECTS, kinds=(Kind.ANY,))
    assert read_inference(body, header, objects).X.tolist() == [[value] for value in ids]
    with pytest.raises(InputError, match=r"inputs\[0\].data\[0\]\[0\] is 9007199254740993, an integer that a 64-bit"):
        read_inference(body, header, Schema(1))
