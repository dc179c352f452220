"""What `kubeserve check` prints, for real files: one of each form of input, and one for each reason of a refusal."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
import structlog
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from server import check
from server.cpu_limit import cpu_limit
from server.paths import INPUT_EXAMPLE
from tests.unit.server import example_models


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def saved(folder: Path, model: Any) -> Path:
    path = folder / "model.joblib"
    joblib.dump(model, path)
    return path


def test_check_computes_with_as_many_threads_as_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert check.main([str(saved(tmp_path, example_models.numbers))]) == 0
    assert os.environ["OMP_NUM_THREADS"] == str(cpu_limit())


DICTS = [{"city": "x"}, {"city": "y"}]
dicts = make_pipeline(DictVectorizer(), LogisticRegression()).fit(DICTS, [0, 1])
tokens = make_pipeline(FeatureHasher(4, input_type="string"), LogisticRegression()).fit([["a"], ["b"]], [0, 1])
SIZES = pd.DataFrame({"size": pd.Categorical(["S", "L"] * 20), "price": [1.0, 2.0] * 20})
sizes = HistGradientBoostingClassifier(max_iter=1).fit(SIZES, [0, 1] * 20)
dropped = make_pipeline(make_column_transformer((StandardScaler(), ["b"])), LogisticRegression()).fit(
    pd.DataFrame({"a": ["n", "m"], "b": [0.0, 1.0]}), [0, 1]
)


@pytest.mark.parametrize(
    ("model", "lines"),
    [
        (
            example_models.numbers,
            ["rows of numbers (float64)", "2 without names", '"data":[[0.0,0.0]]', "null is refused"],
        ),
        (example_models.named, ["a: number", "b: number", '{"data":[{"a":0.0,"b":0.0}]}']),
        (example_models.people, ["a DataFrame of named columns", "city: string", "age: number", '"city":"Oslo"']),
        (example_models.gaps, ["null is taken"]),
        (example_models.texts, ["one string for each row", '{"data":["some text"]}']),
        (example_models.objects, ["x0: string", "x1: integer", '[["x",1]]']),
        (example_models.scaler, ["/transform -H", "methods    transform"]),
        (example_models.density, ["/v2/models/model/infer", '"score_samples"']),
        (dicts, ["one object for each row", '{"data":[{"city":"x"}]}']),
        (tokens, ["one list of strings for each row", '{"data":[["some","text"]]}']),
        (sizes, ["size: string, category, L | S", "price: number", '"size":"L"']),
        (dropped, ["a: not known, need not be sent"]),
    ],
)
def test_check_of_a_file_prints_its_input_and_a_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: Any, lines: list[str]
) -> None:
    assert check.main([str(saved(tmp_path, model))]) == 0
    printed = capsys.readouterr().out
    assert "can be served" in printed
    assert "evidence   the fitted parts of the model" in printed
    for line in lines:
        assert line in printed


class Unknown:
    """Says nothing of its input."""

    def predict(self, rows: Any) -> Any:
        return [len(rows)]


def test_check_says_how_the_model_is_loaded_and_that_its_code_gives_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.main([str(saved(tmp_path, example_models.people))]) == 0
    out = capsys.readouterr().out
    assert "loaded     as data: Pipeline, ColumnTransformer, OneHotEncoder, SimpleImputer, StandardScaler, Log" in out
    assert "compared   as code it gives the same bits" in out


def test_check_says_why_a_model_is_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(saved(tmp_path, example_models.density))
    assert check.main([path]) == 0
    assert "loaded     as code: KernelDensity is not known as data\n" in capsys.readouterr().out
    assert check.main([path, "--load", "data"]) == 1
    assert "cannot be served: this model needs code: KernelDensity is not known" in capsys.readouterr().err
    assert check.main([path, "--load", "code"]) == 0
    assert "loaded     as code\n" in capsys.readouterr().out


def test_check_as_json_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(saved(tmp_path, example_models.people)), "--load", "data", "--output", "json"]
    assert check.main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["servable"], found["loaded"], found["families"][0]) == (True, "data", "Pipeline")
    assert {column["name"]: column["kind"] for column in found["columns"]}["age"] == "number"
    assert found["request"]["body"]["data"][0]["city"] == "Oslo"


@pytest.mark.parametrize(
    ("content", "cause"), [(example_models.density, "needs_code"), (None, "model"), (b"no model", "model")]
)
def test_check_as_json_has_the_cause_of_a_refusal(
    content: Any, cause: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.joblib"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        saved(tmp_path, content)
    assert check.main([str(path), "--load", "data", "--output", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["servable"], found["cause"]) == (False, cause)
    assert found["reason"]


def test_check_by_data_does_not_compare_with_the_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joblib, "load", None)
    assert check.main([str(saved(tmp_path, example_models.numbers)), "--load", "data"]) == 0
    assert "compared" not in capsys.readouterr().out


def test_check_of_a_model_that_says_nothing_advises_an_example(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.main([str(saved(tmp_path, Unknown()))]) == 0
    printed = capsys.readouterr().out
    assert "nothing: the form is the client's own" in printed
    assert (
        f"note       no warm-up: the model does not say what it takes: put {INPUT_EXAMPLE} next to the model" in printed
    )


def test_check_with_an_example_elsewhere_uses_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = tmp_path / "mine.json"
    example.write_text('{"data": [{"when": "2026-01-31", "n": 1}], "dtypes": {"when": "datetime64[ns]"}}')
    assert check.main([str(saved(tmp_path, Unknown())), "--example", str(example)]) == 0
    printed = capsys.readouterr().out
    assert f"evidence   {INPUT_EXAMPLE}" in printed
    assert "when: datetime, datetime64[ns]" in printed


@pytest.mark.parametrize(
    ("model", "example", "reason"),
    [
        ({"a": 1}, None, "cannot be served: model.joblib holds a dict"),
        (LogisticRegression(), None, "cannot be served: the LogisticRegression was never fitted"),
        (example_models.numbers, "{", f"cannot be served: {INPUT_EXAMPLE} is not JSON"),
        (example_models.numbers, "[[1]]", f"cannot be served: {INPUT_EXAMPLE} does not suit the model: data[0] has 1"),
        (example_models.objects, '[["z", 1]]', "cannot be served: the model refuses its own example"),
    ],
)
def test_check_of_a_file_that_cannot_be_served_prints_one_line_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: Any, example: str | None, reason: str
) -> None:
    path = saved(tmp_path, model)
    if example:
        (tmp_path / INPUT_EXAMPLE).write_text(example)
    assert check.main([str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(reason)
    assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_check_of_a_wide_model_prints_only_the_first_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.DataFrame([[0.0] * 900, [1.0] * 900], columns=[f"c{index}" for index in range(900)])
    assert check.main([str(saved(tmp_path, LogisticRegression().fit(frame, [0, 1])))]) == 0
    printed = capsys.readouterr().out
    assert "… and 850 more" in printed
    assert len(printed) < 6000
