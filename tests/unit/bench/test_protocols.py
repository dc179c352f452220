from __future__ import annotations

import json

import numpy as np
import pytest

from tests.bench.serving.protocols import V2, Bare, Plain, V2Binary

ROWS = np.array([[1.5, 2.0], [3.0, 4.0]])


def test_plain_request_has_the_rows_under_a_key() -> None:
    plain = Plain("/predict", "data")
    assert plain.request(ROWS).body == b'{"data":[[1.5,2.0],[3.0,4.0]]}'
    assert plain.predictions({}, b'{"predictions": [0, 1]}') == [0, 1]


def test_bare_answer_is_a_list() -> None:
    assert Bare("/predict", "data").predictions({}, b"[0, 1]") == [0, 1]


def test_predictions_of_an_error_raise() -> None:
    with pytest.raises(KeyError):
        Plain("/predict", "data").predictions({}, b'{"error": "no"}')


def test_v2_request_is_one_flat_tensor_with_an_id() -> None:
    document = json.loads(V2().request(ROWS).body)
    tensor = {"name": "input-0", "shape": [2, 2], "datatype": "FP64", "data": [1.5, 2.0, 3.0, 4.0]}
    assert document == {"id": "bench", "inputs": [tensor]}
    assert V2().predictions({}, b'{"outputs": [{"data": [0, 1]}]}') == [0, 1]


def test_v2_binary_request_has_the_numbers_after_the_header() -> None:
    request = V2Binary().request(ROWS)
    length = int(request.headers["Inference-Header-Content-Length"])
    assert json.loads(request.body[:length])["inputs"][0]["parameters"] == {"binary_data_size": 32}
    assert np.frombuffer(request.body[length:]).tolist() == [1.5, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(("datatype", "dtype"), [("INT64", "<i8"), ("INT32", "<i4"), ("FP32", "<f4"), ("UINT8", "u1")])
def test_v2_binary_answer_is_read_by_its_datatype(datatype: str, dtype: str) -> None:
    head = json.dumps({"outputs": [{"datatype": datatype}]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    assert V2Binary().predictions(headers, head + np.array([2, 0], dtype).tobytes()) == [2, 0]
