"""Every protocol over HTTP: the codes and bodies that only a running server gives."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import re
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler

from tests.bodies import bodies, written

from .driving import eventually
from .serving import Server, running

JSON = {"Content-Type": "application/json"}
TENSOR = {"name": "input", "shape": [1, 2], "datatype": "FP64", "data": [0, 3]}
README = Path(__file__).parents[2] / "README.md"
LENGTH = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server whose model answers "yes" if b is larger than a, otherwise "no"."""
    frame = pd.DataFrame({"a": [0.0, 3.0, 1.0, 5.0], "b": [3.0, 0.0, 4.0, 2.0]})
    path = tmp_path_factory.mktemp("model") / "model.joblib"
    joblib.dump(LogisticRegression().fit(frame, ["yes", "no", "yes", "no"]), path)
    with running(path, "--name", "larger", "--version", "v1", "--max-body-size", "16000000") as server:
        server.wait()
        yield server


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"data": [[0, 3]]}),
        ("/predict", {"data": [{"b": 3, "a": 0}]}),
        ("/predict?proba=false", {"data": [[0, 3]]}),
        ("/v1/models/larger:predict", {"instances": [[0, 3]]}),
        ("/v1/models/larger:predict", {"inputs": {"a": [0], "b": [3]}}),
        ("/invocations", {"dataframe_split": {"columns": ["b", "a"], "data": [[3, 0]]}}),
        ("/invocations", {"dataframe_records": [{"b": 3, "a": 0}]}),
        ("/invocations", {"instances": [[0, 3]]}),
        ("/invocations", {"inputs": [[0, 3]]}),
    ],
)
def test_predict_by_every_protocol_gives_one_answer(server: Server, path: str, body: Any) -> None:
    assert server.ask("POST", path, json.dumps(body).encode(), JSON) == (200, {"predictions": ["yes"]})


@pytest.mark.parametrize("kind", ["text/csv; charset=utf-8", "Text/CSV"])
def test_invocations_csv_is_answered(server: Server, kind: str) -> None:
    headers = {"Content-Type": kind}
    assert server.ask("POST", "/invocations", b"b,a\n3,0\n0,3\n", headers) == (200, {"predictions": ["yes", "no"]})


@pytest.mark.parametrize("path", ["/predict_proba", "/predict?proba=true"])
def test_predict_proba_gives_classes_and_probabilities(server: Server, path: str) -> None:
    status, answer = server.ask("POST", path, b'{"data": [[0, 3]]}')
    assert (status, answer["classes"], len(answer["probabilities"])) == (200, ["no", "yes"], 1)
    assert answer["probabilities"][0][1] > 0.8


@pytest.mark.parametrize("version", ["", "/versions/v1"])
def test_infer_with_and_without_version_is_answered(server: Server, version: str) -> None:
    path = f"/v2/models/larger{version}"
    outputs = [{"name": "predict", "datatype": "BYTES", "shape": [1], "data": ["yes"]}]
    expected = {"model_name": "larger", "model_version": "v1", "id": "7", "outputs": outputs}
    assert server.ask("POST", f"{path}/infer", json.dumps({"id": "7", "inputs": [TENSOR]}).encode()) == (200, expected)
    assert server.ask("GET", f"{path}/ready") == (200, {"name": "larger", "ready": True})
    status, described = server.ask("GET", path)
    parameters = described["parameters"]
    assert (status, parameters["feature_names"], parameters["classes"]) == (200, ["a", "b"], ["no", "yes"])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", {"status": "alive", "model": "larger", "version": "v1", "ready": True, "docs": "/docs"}),
        ("/v1/models", {"models": ["larger"]}),
        ("/v1/models/larger", {"name": "larger", "ready": True}),
        ("/v2/models", {"models": ["larger"]}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/ping", {"ready": True}),
    ],
)
def test_get_routes_answer(server: Server, path: str, expected: Any) -> None:
    assert server.ask("GET", path) == (200, expected)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/health", "/metrics", "/ping", "/version", "/docs", "/openapi.json", "/page.json"),
        *("/pages/page.css", "/v1/models", "/v1/models/larger"),
        *("/v2", "/v2/models", "/v2/models/larger", "/v2/models/larger/versions/v1", "/v2/health/live"),
        *("/v2/health/ready", "/v2/models/larger/ready", "/v2/models/larger/versions/v1/ready", "/v2/models/other"),
    ],
)
def test_head_is_answered_like_get_without_the_body(server: Server, path: str) -> None:
    got, headed = server.send("GET", path), server.send("HEAD", path)
    assert (headed.status, headed.data) == (got.status, b"")
    assert headed.headers["Content-Type"] == got.headers["Content-Type"]
    assert server.healthy()  # the connection is in step


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"data": [[0, 3]]}),
        ("/predict_proba", {"data": [[0, 3]]}),
        ("/v1/models/larger:predict", {"instances": [[0, 3]]}),
        ("/v2/models/larger/infer", {"inputs": [TENSOR]}),
        ("/invocations", {"instances": [[0, 3]]}),
    ],
)
def test_json_with_a_byte_order_mark_is_answered_like_json_without(server: Server, path: str, body: Any) -> None:
    plain = json.dumps(body).encode()
    answer = server.ask("POST", path, plain, JSON)
    assert answer[0] == 200
    assert server.ask("POST", path, codecs.BOM_UTF8 + plain, JSON) == answer


def test_infer_binary_with_a_byte_order_mark_in_its_json_is_answered(server: Server) -> None:
    body, headers = binary(np.array([[0.0, 3.0]]))
    marked = codecs.BOM_UTF8 + body
    answer = server.send("POST", "/v2/models/larger/infer", marked, {LENGTH: str(int(headers[LENGTH]) + 3)})
    assert (answer.status, answer.data[int(answer.headers[LENGTH]) :]) == (200, b"\x03\0\0\0yes")


def test_version_and_documentation_routes_answer(server: Server) -> None:
    version = server.send("GET", "/version").data.decode()
    _, described = server.ask("GET", "/v2")
    assert described == {"name": "kubeserve", "version": version, "extensions": ["binary_tensor_data"]}
    assert server.ask("GET", "/openapi.json")[1]["info"]["title"] == "larger"
    assert server.send("GET", "/docs").headers["Content-Type"] == "text/html; charset=utf-8"


def test_openapi_examples_are_answered_as_described(server: Server) -> None:
    posts = [(path, it["post"]) for path, it in server.ask("GET", "/openapi.json")[1]["paths"].items() if "post" in it]
    assert len(posts) == 6
    for path, operation in posts:
        answer = operation["responses"]["200"]["content"]["application/json"]["example"]
        for kind, asked in operation["requestBody"]["content"].items():
            body = asked["example"] if kind == "text/csv" else json.dumps(asked["example"])
            assert server.ask("POST", path, body.encode(), {"Content-Type": kind}) == (200, answer)


@pytest.mark.parametrize(
    ("method", "path", "code", "words"),
    [
        ("POST", "/v2/models/other/infer", 404, "there is no model 'other' here; this server has 'larger'"),
        ("POST", "/v2/models/larger/versions/v2/infer", 404, "no version 'v2' of 'larger' here; it has version 'v1'"),
        ("GET", "/v2/models/larger/versions/v2", 404, "no version 'v2'"),
        ("GET", "/v2/models/other/ready", 404, "no model 'other'"),
        ("GET", "/v1/models/other", 404, "no model 'other'"),
        ("POST", "/v1/models/other:predict", 404, "no model 'other'"),
        ("POST", "/v1/models/larger:explain", 404, "'larger:explain' does not end in ':predict'"),
        ("POST", "/v2/models/larger/infer", 400, "'inputs' is missing"),
        ("POST", "/v1/models/larger:predict", 400, "either 'instances' or 'inputs'"),
        ("POST", "/predict?proba=1", 400, "'data' is missing"),
        ("POST", "/invocations", 400, "expected one of dataframe_split"),
    ],
)
def test_wrong_request_is_an_error_in_words(server: Server, method: str, path: str, code: int, words: str) -> None:
    status, answer = server.ask(method, path, b"{}" if method == "POST" else None, JSON)
    assert (status, list(answer)) == (code, ["error"])
    assert words in answer["error"]


def test_unknown_content_type_or_encoding_is_415(server: Server) -> None:
    assert server.ask("POST", "/invocations", b"x", {"Content-Type": "text/html"})[0] == 415
    assert server.ask("POST", "/invocations", b"x", {**JSON, "Content-Encoding": "br"})[0] == 415


@pytest.mark.parametrize(("path", "key"), [("/invocations", "instances"), ("/predict", "data")])
def test_compressed_body_is_decompressed_within_the_limit(server: Server, path: str, key: str) -> None:
    headers = {**JSON, "Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps({key: [[0, 3]]}).encode())
    for encoding in ("gzip", "GZIP"):
        asked = server.ask("POST", path, body, {**JSON, "Content-Encoding": encoding})
        assert asked == (200, {"predictions": ["yes"]})
    assert server.ask("POST", path, body[:-9], headers)[0] == 400
    assert server.ask("POST", path, b"plain", headers)[0] == 400
    assert server.ask("POST", path, gzip.compress(bytes(100_000_000)), headers)[0] == 413


def binary(X: np.ndarray[Any, Any]) -> tuple[bytes, dict[str, str]]:
    described = {"name": "input", "shape": X.shape, "datatype": "FP64", "parameters": {"binary_data_size": X.nbytes}}
    head = json.dumps({"inputs": [described], "parameters": {"binary_data_output": True}}).encode()
    return head + X.tobytes(), {LENGTH: str(len(head))}


@pytest.mark.parametrize("rows", [1, 10, 30_000, 500_000])
def test_infer_binary_bodies_of_any_size_on_one_connection(server: Server, rows: int) -> None:
    answers = np.random.default_rng(rows).choice(["yes", "no"], rows).tolist()
    body, headers = binary(np.array([[0.0, 3.0] if answer == "yes" else [3.0, 0.0] for answer in answers]))
    expected = b"".join(struct.pack("<I", len(answer)) + answer.encode() for answer in answers)
    for _ in range(3):
        answer = server.send("POST", "/v2/models/larger/infer", body, headers)
        assert answer.status == 200, answer.data
        assert answer.data[int(answer.headers[LENGTH]) :] == expected
        assert server.healthy()


def test_infer_large_body_in_pieces_may_be_followed_immediately(server: Server) -> None:
    body, headers = binary(np.tile([0.0, 3.0], (40_000, 1)))
    lines = [f"{name}: {value}" for name, value in {**headers, "Content-Length": len(body), "Host": "x"}.items()]
    head = "\r\n".join(["POST /v2/models/larger/infer HTTP/1.1", *lines, "Expect: 100-continue", "", ""]).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(head)
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        for start in range(0, len(body), 100_000):
            client.sendall(body[start : start + 100_000])
        client.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert received.count(b"yes") == 40_000
    assert received.endswith(b'{"live":true}')


def test_infer_client_that_leaves_within_a_large_body_affects_no_other(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST /v2/models/larger/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n{")
    body, headers = binary(np.tile([0.0, 3.0], (40_000, 1)))
    assert server.send("POST", "/v2/models/larger/infer", body, headers).status == 200
    eventually(lambda: server.in_progress() == 0)


def test_infer_body_over_the_limit_is_413(server: Server) -> None:
    status, answer = server.ask("POST", "/v2/models/larger/infer", bytes(17_000_000))
    assert (status, answer) == (413, {"error": "the body is larger than 16000000 bytes (--max-body-size)"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(
            ("POST", path)
            for path in ("/predict", "/predict_proba", "/transform", "/v1/models/m:predict", "/v2/models/m/infer")
        ),
        *(("GET", path) for path in ("/v1/models/m", "/v2/models/m", "/v2/models/m/ready", "/v2/health/ready")),
        *(("GET", "/ping"), ("GET", "/openapi.json"), ("POST", "/invocations")),
    ],
)
def test_routes_until_the_model_is_loaded_are_503_with_the_reason(starting: Server, method: str, path: str) -> None:
    status, answer = starting.ask(method, path, b"{}" if method == "POST" else None, JSON)
    assert (status, answer["error"]) == (503, "the model is loading")


@pytest.fixture(scope="module")
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server whose model never finishes loading: its file is a pipe without a writer."""
    path = tmp_path_factory.mktemp("pipe") / "model.joblib"
    os.mkfifo(path)
    with running(path, "--name", "m") as server:
        eventually(lambda: server.ask("GET", "/health")[0] == 503)
        yield server


def test_predict_proba_of_a_regression_is_400(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), path)
    with running(path) as server:
        server.wait()
        status, answer = server.ask("POST", "/predict_proba", b'{"data": [[1]]}')
        assert (status, answer) == (400, {"error": "the model has no predict_proba(); it has predict (see /docs)"})


@pytest.mark.parametrize("options", [(), ("--no-fast-path",)])
def test_model_without_predict_is_served_by_its_transform(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(StandardScaler().fit([[0.0, 1.0], [2.0, 5.0]]), path)
    with running(path, "--name", "scaler", *options) as server:
        server.wait()
        assert server.ask("POST", "/transform", b'{"data": [[2, 1]]}') == (200, {"transformed": [[1.0, -1.0]]})
        tensor = {**TENSOR, "data": [2, 1]}
        _, answer = server.ask("POST", "/v2/models/scaler/infer", json.dumps({"inputs": [tensor]}).encode())
        assert answer["outputs"] == [{"name": "transform", "datatype": "FP64", "shape": [1, 2], "data": [1.0, -1.0]}]
        assert [output["name"] for output in server.ask("GET", "/v2/models/scaler")[1]["outputs"]] == ["transform"]
        for route in ("/predict", "/predict_proba", "/v1/models/scaler:predict", "/invocations"):
            status, answer = server.ask("POST", route, b'{"data": [[2, 1]]}', JSON)
            assert (status, answer["error"].partition("; ")[2]) == (400, "it has transform (see /docs)")
        assert re.search(r'kubeserve_feature_values_total{feature="0",.*} 2\.0', server.metrics())


def test_model_of_score_samples_alone_is_served_at_v2(tmp_path: Path) -> None:
    path, density = tmp_path / "model.joblib", KernelDensity().fit([[0.0, 1.0], [2.0, 5.0]])
    joblib.dump(density, path)
    with running(path, "--name", "density") as server:
        server.wait()
        _, answer = server.ask("POST", "/v2/models/density/infer", json.dumps({"inputs": [TENSOR]}).encode())
        assert answer["outputs"][0]["name"] == "score_samples"
        assert answer["outputs"][0]["data"] == density.score_samples([[0.0, 3.0]]).tolist()
        status, answer = server.ask("POST", "/transform", b'{"data": [[0, 3]]}')
        assert (status, answer) == (400, {"error": "the model has no transform(); it has score_samples (see /docs)"})


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(document=bodies)
def test_any_json_body_gets_an_answer_or_one_error(server: Server, document: Any) -> None:
    body = written(document)
    for path in ("/predict", "/predict_proba", "/v1/models/larger:predict", "/invocations", "/v2/models/larger/infer"):
        status, answer = server.ask("POST", path, body, JSON)
        assert status in (200, 400), (path, answer)
        assert status == 200 or list(answer) == ["error"]


def test_readme_curls_are_answered(tmp_path: Path) -> None:
    data, path = load_iris(), tmp_path / "model.joblib"
    joblib.dump(LogisticRegression(max_iter=1000).fit(data.data, data.target_names[data.target]), path)
    section = README.read_text().partition("<!-- protocols:")[2].partition("<!-- /protocols -->")[0]
    _, *lines = [line for line in section.partition("```bash\n")[2].partition("```")[0].splitlines() if line]
    with running(path, "--name", "iris") as server:
        server.wait()
        env = {**os.environ, "URL": f"http://{server.address}", "MODEL": "iris"}
        answers = [
            subprocess.check_output(["bash", "-c", line.replace("curl", "curl -fsS", 1)], env=env, text=True)
            for line in lines
        ]
    assert [answer.count("setosa") for answer in answers[:6]] == [1] * 6
    assert json.loads(answers[6])["info"]["title"] == "iris"
