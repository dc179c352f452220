from __future__ import annotations

import shlex
from typing import Any

from watcher.client.calling import MOST, Call, curl, example_call, port_forward
from watcher.core.types import ModelId


def document(**examples: Any) -> dict[str, Any]:
    paths = {
        f"/{path}": {"post": {"requestBody": {"content": {"application/json": {"example": example}}}}}
        for path, example in examples.items()
    }
    return {"paths": {"/health": {"get": {}}, **paths}}


def test_example_call_prefers_predict_then_transform_then_what_there_is() -> None:
    assert example_call(document(predict_proba=1, predict=2, transform=3)) == Call("/predict", 2)
    assert example_call(document(invocations=1, transform=3)) == Call("/transform", 3)
    assert example_call(document(infer=1)) == Call("/infer", 1)
    assert example_call(document()) is None
    assert example_call({}) is None


def test_curl_is_safe_to_paste() -> None:
    call = Call("/predict", {"data": [{"name": "O'Hara", "Größe": 1.5}]})
    assert curl("http://m/", call) == (
        "curl http://m/predict -H 'Content-Type: application/json' "
        """-d '{"data": [{"name": "O'"'"'Hara", "Größe": 1.5}]}'"""
    )


def test_curl_of_a_large_example_names_a_file() -> None:
    assert curl("http://m", Call("/predict", [0.5] * MOST)).endswith(" -d @rows.json")


def test_port_forward_names_the_service() -> None:
    command = "kubectl port-forward service/iris-model-serving 8080:80 -n team"
    assert " ".join(port_forward(ModelId("team", "iris"))) == command


def test_curl_of_a_path_and_a_body_that_a_model_made_up_runs_nothing_and_moves_no_cursor() -> None:
    command = curl("http://m", Call("/predict; rm -rf ~ \x1b[2J", ["\x9b2J"]))
    assert shlex.split(command)[1] == "http://m/predict; rm -rf ~ [2J"
    assert command.isprintable()
