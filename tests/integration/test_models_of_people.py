"""Every kind of model by every protocol: the server's answers are the model's own."""

from __future__ import annotations

import json
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.models_of_people import MODELS, NAME, V2, V2_BINARY, ModelOfPeople, Request

from .serving import Server, running

HINT = "--extra-columns ignore leaves them out"
(NAMED,) = (of for of in MODELS if of.kind == "Numbers by name")


def answer_of(server: Server, request: Request) -> Any:
    """Return the values of the answer in the shape that the model gives, or the refusal."""
    status, answer = server.ask("POST", request.path, request.body, request.headers)
    if status != 200:
        return status, answer
    if request.protocol not in (V2, V2_BINARY):
        return next(iter(answer.values()))
    (output,) = answer["outputs"]
    return np.array(output["data"], dtype=object).reshape(output["shape"]).tolist()


def expected(answer: Any, request: Request) -> Any:
    """Return the model's own answer as JSON has it. A tensor of V2 has one type: mixed values are strings."""
    if answer.dtype == object and request.protocol in (V2, V2_BINARY):
        answer = answer.astype(str)
    return json.loads(json.dumps(answer.tolist()))


@pytest.mark.parametrize("of", MODELS, ids=lambda of: of.kind)
def test_each_request_of_the_documents_gets_the_models_own_answer(of: ModelOfPeople, tmp_path: Any) -> None:
    model, path = of.make(), tmp_path / "model.joblib"
    joblib.dump(model, path)
    if of.example is not None:
        (tmp_path / "input-example.json").write_text(json.dumps(of.example))
    own = np.asarray(getattr(model, of.method)(of.rows))
    with running(path, "--name", NAME) as server:
        server.wait()
        found = {(each.protocol, each.how): answer_of(server, each) for each in of.requests}
    assert found == {(each.protocol, each.how): expected(own, each) for each in of.requests}
    assert len(np.unique(own.astype(str), axis=0)) > 1, "the rows must have different answers, or nothing is compared"


def test_columns_that_the_model_does_not_know_are_refused_or_ignored_as_the_setting_says(tmp_path: Any) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(NAMED.make(), path)
    body = json.dumps({"data": [{**row, "trace": "t1"} for row in NAMED.rows.to_dict("records")]}).encode()
    with running(path) as refusing, running(path, "--extra-columns", "ignore") as ignoring:
        refusing.wait()
        ignoring.wait()
        status, answer = refusing.ask("POST", "/predict", body)
        assert (status, answer["error"]) == (400, f"data[0] has unknown 'trace'; the model takes age, fare ({HINT})")
        assert ignoring.ask("POST", "/predict", body) == (200, {"predictions": ["no", "yes"]})


def test_model_that_drops_columns_leaves_out_others_too_unless_told_to_refuse_them(tmp_path: Any) -> None:
    path = tmp_path / "model.joblib"
    frame = pd.DataFrame({"id": range(40), "x": np.linspace(-1, 1, 40)})
    model = make_pipeline(ColumnTransformer([("x", StandardScaler(), ["x"])]), LogisticRegression())
    joblib.dump(model.fit(frame, frame["x"] > 0), path)
    body = json.dumps({"data": [{"x": 0.9, "trace": "t1"}]}).encode()
    with running(path) as server, running(path, "--extra-columns", "refuse") as refusing:
        server.wait()
        refusing.wait()
        assert server.ask("POST", "/predict", body) == (200, {"predictions": [True]})
        status, answer = refusing.ask("POST", "/predict", body)
        assert (status, answer["error"]) == (400, f"data[0] has unknown 'trace'; the model takes id, x ({HINT})")
