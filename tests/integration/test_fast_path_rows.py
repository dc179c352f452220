"""The fast path answers objects by name and texts as the regular path does: the same model, served twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .serving import Server
from .test_fast_path_equality import COUNTING, started_both

CUSTOMERS = pd.DataFrame(
    {"age": [20.0, 35.0, None, 61.0], "city": ["Rome", "Oslo", "Oslo", "Rome"], "visits": [1, 5, 2, 9]}
)
TARGET = ["no", "yes", "no", "yes"]


def table_model() -> Any:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = [("numbers", numbers, ["age", "visits"]), ("city", OneHotEncoder(handle_unknown="ignore"), ["city"])]
    return make_pipeline(ColumnTransformer(columns), LogisticRegression()).fit(CUSTOMERS, TARGET)


def text_model() -> Any:
    texts = ["a late parcel", "thanks, great", "late again", "great price"]
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, TARGET)


ROME = {"age": 30.5, "city": "Rome", "visits": 3}
TABLE_BODIES: list[Any] = [
    {"data": [ROME]},
    {"data": [{"visits": 3, "city": "Oslo", "age": 30}]},
    {"data": [ROME, {"age": 1, "city": "", "visits": 1.5}, {"age": -2.5, "city": "Bonn", "visits": 10**15}]},
    {"instances": [ROME]},
    {"data": [{**ROME, "age": None}]},
    {"data": [{**ROME, "age": "30"}]},
    {"data": [{**ROME, "age": True}]},
    {"data": [{**ROME, "visits": 2**60 + 1}]},
    {"data": [{**ROME, "city": None}]},
    {"data": [{**ROME, "city": 7}]},
    {"data": [{**ROME, "more": 1}]},
    {"data": [{"age": 1, "city": "Rome"}]},
    {"data": [[30.5, "Rome", 3]]},
    {"data": [ROME, [30.5, "Rome", 3]]},
    {"data": [ROME], "more": 1},
    {"data": []},
    {"data": ROME},
    {"data": [[30.5, 1, 3]]},
]
TEXT_BODIES: list[Any] = [
    {"data": ["late"]},
    {"data": ["late", "", "größer, ångström 😀"]},
    {"instances": ["great price"]},
    {"data": [["late"]]},
    {"data": [{"text": "late"}]},
    {"data": [7]},
    {"data": [None]},
    {"data": "late"},
    {"data": [1.5, 2.5]},
]
PLAIN = 4, 3
"""Bodies at the beginning of each list that the fast path answers."""


@pytest.fixture(scope="module", params=["table", "text"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return the two servers, the bodies, how many of them are plain, and a file of a byte for each fast answer."""
    folder = tmp_path_factory.mktemp(request.param)
    is_table = request.param == "table"
    joblib.dump(table_model() if is_table else text_model(), folder / "model.joblib")
    program = COUNTING.replace("PATH", repr(str(folder / "count")))
    bodies, plain = (TABLE_BODIES, PLAIN[0]) if is_table else (TEXT_BODIES, PLAIN[1])
    for servers in started_both(folder / "model.joblib", program):
        yield servers, bodies, plain, folder / "count"


def answers(server: Server, bodies: list[Any]) -> list[tuple[int, bytes]]:
    found = []
    for body in bodies:
        path = "/v1/models/model:predict" if "instances" in body else "/predict"
        answer = server.send("POST", path, json.dumps(body).encode())
        found.append((answer.status, answer.data))
    return found


def test_fast_path_answers_objects_and_texts_as_the_regular_path_does(served: Any) -> None:
    (fast, regular), bodies, plain, count = served
    assert fast.ask("GET", "/health")[1]["loaded"] == "data"
    given, expected = answers(fast, bodies), answers(regular, bodies)
    assert given == expected
    assert [status for status, _ in given[:plain]] == [200] * plain
    assert len(count.read_bytes()) == plain
