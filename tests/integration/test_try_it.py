"""What the page at `/` loads, from a real server: each example is a request that the model answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from tests.models_of_people import MODELS, NAME, ModelOfPeople

from .serving import Server, running

WITHOUT_AN_EXAMPLE = ("A transformer of your own first", "Integers as text")
"""The kinds whose input only their owner knows: the page has a box of JSON with two numbers, or a value invented."""
NOT_EXPLAINED = (
    *("Texts", "Tokens", "Date columns", "Large integers", "float32", "Several outputs", "Without predict"),
    *WITHOUT_AN_EXAMPLE,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("served") / "model.joblib"
    iris = load_iris(as_frame=True)
    joblib.dump(RandomForestClassifier(20, random_state=0).fit(iris.data, iris.target_names[iris.target]), path)
    with running(path, "--name", "iris", "--version", "v1") as found:
        found.wait()
        yield found


def asked(server: Server, form: Any, path: str) -> tuple[int, Any]:
    """Send the form's example as the page does."""
    return server.ask("POST", path, f'{{"data": [{form["example"]}]}}'.encode(), {"Content-Type": "application/json"})


@pytest.mark.parametrize("of", MODELS, ids=lambda of: of.kind)
def test_each_kind_of_model_has_a_form_whose_example_it_answers(of: ModelOfPeople, tmp_path: Path) -> None:
    joblib.dump(of.make(), tmp_path / "model.joblib")
    if of.example is not None:
        (tmp_path / "input-example.json").write_text(json.dumps(of.example))
    with running(tmp_path / "model.joblib", "--name", NAME) as server:
        server.wait()
        status, form = server.ask("GET", "/page.json")
        assert status == 200
        if of.kind not in WITHOUT_AN_EXAMPLE:
            assert any(value not in ("0", "0.0", "null") for value in np.ravel(json.loads(form["example"])).astype(str))
            status, answer = asked(server, form, f"/{form['method']}")
            assert (status, len(next(iter(answer.values())))) == (200, 1)
        assert form["explanation"]["possible"] == (of.kind not in NOT_EXPLAINED), form["explanation"]
        status, answer = asked(server, form, "/explain")
        if of.kind in NOT_EXPLAINED:
            assert (status, form["explanation"]["reason"] in answer["error"] or "predict()" in answer["error"]) == (
                400,
                True,
            )
        else:
            (each,) = answer["explanations"]
            parts = each["base"] + sum(part["contribution"] for part in each["contributions"])
            assert (status, parts) == (200, pytest.approx(each["score"]))


def test_root_answers_browsers_with_the_page_and_others_with_json(server: Server) -> None:
    html = server.send("GET", "/", headers={"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"})
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<form" in html.data
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        assert server.ask("GET", "/", headers=accept)[1]["status"] == "alive"
    assert server.send("HEAD", "/", headers={"Accept": "text/html"}).headers["Vary"] == "Accept"


@pytest.mark.parametrize("path", ["/", "/docs", "/pages/tryit.js", "/pages/page.css", "/pages/icon.svg"])
def test_pages_allow_no_script_but_their_own_and_no_other_host(server: Server, path: str) -> None:
    found = server.send("GET", path, headers={"Accept": "text/html"})
    assert found.status == 200
    assert found.headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert "unsafe" not in found.headers["Content-Security-Policy"]
    content = found.data.decode()
    assert " style=" not in content
    assert "://" not in content.replace("http://www.w3.org/2000/svg", "")
    if path in ("/", "/docs"):
        assert 'href="/' not in content
        assert 'src="/' not in content


@pytest.mark.parametrize("name", ["absent.js", "..%2f..%2fsettings.py", "%2e%2e%2fpages.py", "tryit.html"])
def test_no_other_file_is_served(server: Server, name: str) -> None:
    assert server.send("GET", f"/pages/{name}").status == 404


def test_openapi_has_an_example_that_is_no_row_of_zeros_and_is_explained(server: Server) -> None:
    paths = server.ask("GET", "/openapi.json")[1]["paths"]
    content = paths["/explain"]["post"]["requestBody"]["content"]["application/json"]
    assert 0.0 not in content["example"]["data"][0].values()
    answer = server.ask("POST", "/explain", json.dumps(content["example"]).encode())[1]
    shown = paths["/explain"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    assert answer == shown


def test_explain_refuses_what_predict_refuses_and_too_many_rows(server: Server) -> None:
    _, refused = server.ask("POST", "/predict", b'{"data": [[1, 2, 3, "x"]]}')
    assert server.ask("POST", "/explain", b'{"data": [[1, 2, 3, "x"]]}') == (400, refused)
    body = json.dumps({"data": [[5.1, 3.5, 1.4, 0.2]] * 101}).encode()
    assert server.ask("POST", "/explain", body)[0] == 400


def test_explain_of_several_rows_explains_each(server: Server) -> None:
    rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
    _, answer = server.ask("POST", "/explain", json.dumps({"data": rows}).encode())
    assert answer["predictions"] == ["setosa", "virginica"]
    assert [each["class"] for each in answer["explanations"]] == ["setosa", "virginica"]


def test_ranges_of_requests_are_shown_where_the_model_knows_none(tmp_path: Path) -> None:
    (of,) = (of for of in MODELS if of.kind == "Numbers by name")
    joblib.dump(of.make(), tmp_path / "model.joblib")
    with running(tmp_path / "model.joblib") as server:
        server.wait()
        assert [field["range"] for field in server.ask("GET", "/page.json")[1]["fields"]] == [None, None]
        server.ask("POST", "/predict", b'{"data": [[22, 7.25], [58, 26.55]]}')
        ranges = [field["range"] for field in server.ask("GET", "/page.json")[1]["fields"]]
    source = "the requests since the start"
    assert ranges == [{"low": 22, "high": 58, "source": source}, {"low": 7.25, "high": 26.55, "source": source}]
