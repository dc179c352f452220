"""Run the published clients of other servers against ours, and compare all that they print."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from dev import venvs

from .serving import running

CLIENTS = Path(__file__).with_name("clients")
# Two environments, because the dependencies of KServe and MLServer conflict. MLServer's command uses tritonclient.
SHARED = ("mlserver==1.7.1", "tritonclient[http]==2.73.0", "mlflow-skinny==3.17.2", "scipy==1.17.1")
KSERVE = ("kserve==0.21.0",)
LABELS = ["setosa", "virginica"]


def environment(*requirements: str) -> Path:
    """Return the Python of an environment. A client that cannot be installed fails the test."""
    try:
        return venvs.venv(requirements[0].partition("==")[0], *requirements)
    except venvs.ToolUnavailable as error:
        pytest.fail(str(error), pytrace=False)


def printed(requirements: tuple[str, ...], script: str, *arguments: str) -> Any:
    """Return the JSON that a client's script prints."""
    command = [str(environment(*requirements)), str(CLIENTS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield HOST:PORT of a server whose model has feature names and string labels."""
    data = load_iris(as_frame=True)
    model = LogisticRegression(max_iter=1000).fit(data.data, data.target_names[data.target])
    path = tmp_path_factory.mktemp("iris") / "model.joblib"
    joblib.dump(model, path)
    with running(path, "--name", "iris", "--version", "v1") as server:
        server.wait()
        yield server.address


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield HOST:PORT of a server whose model selects its columns by name; a column of strings decides."""
    frame = pd.DataFrame({"city": ["Rome", "Oslo", "Rome", "Oslo"], "age": [20.0, 30.0, 40.0, 50.0]})
    columns = make_column_transformer((OneHotEncoder(), ["city"]), (SimpleImputer(), ["age"]))
    path = tmp_path_factory.mktemp("people") / "model.joblib"
    joblib.dump(make_pipeline(columns, LogisticRegression(C=100)).fit(frame, [0, 1, 0, 1]), path)
    with running(path, "--name", "people") as server:
        server.wait()
        yield server.address


def test_tritonclient_reads_every_answer(iris: str, people: str) -> None:
    assert printed(SHARED, "ask_triton.py", iris, people) == {
        "live": True,
        "ready": True,
        "model ready": True,
        "other model ready": False,
        "extensions": ["binary_tensor_data"],
        "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, 4]}],
        "FP64 True": LABELS,
        "FP64 False": LABELS,
        "FP32 True": LABELS,
        "FP32 False": LABELS,
        "default outputs": LABELS,
        "a version": LABELS,
        "gzip": LABELS,
        "deflate": LABELS,
        "id": "7",
        "two outputs": [LABELS, [[0.982, 0.018, 0.0], [0.0, 0.08, 0.92]]],
        "by column": [0, 1],
        "refused": "inputs[0] has 3 values; the model takes 4: sepal length (cm), sepal width (cm), "
        "petal length (cm), petal width (cm)",
    }


def test_kserve_client_reads_every_answer(iris: str) -> None:
    assert printed(KSERVE, "ask_kserve.py", iris) == {
        "v1 live": True,
        "v1 model ready": True,
        "v1 instances": {"predictions": LABELS},
        "v1 inputs": {"predictions": LABELS},
        "v2 live": True,
        "v2 ready": True,
        "v2 model ready": True,
        "v2 other model ready": False,
        "v2 False": ["7", LABELS],
        "v2 True": ["7", LABELS],
    }


def test_mlflow_client_reads_every_answer(iris: str, people: str) -> None:
    ports = [address.partition(":")[2] for address in (iris, people)]
    found = printed(SHARED, "ask_mlflow.py", *ports)
    assert found.pop("version")
    assert found == {
        "dataframe_split": LABELS,
        "its columns in another order": LABELS,
        "inputs": LABELS,
        "dataframe_records": LABELS,
        "as a DataFrame": LABELS,
        "strings": [0, 1],
    }


@pytest.mark.parametrize("options", [[], ["--binary-data"], ["--batch-size", "2"]])
def test_mlserver_infer_reads_every_answer(iris: str, tmp_path: Path, options: list[str]) -> None:
    rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
    lines = [{"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP64", "data": row}]} for row in rows]
    (tmp_path / "in").write_text("".join(json.dumps(line) + "\n" for line in lines))
    program = environment(*SHARED).with_name("mlserver")
    files = ["-i", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    command = [str(program), "infer", "-u", iris, "-m", "iris", *files, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    answers.sort(key=lambda answer: answer["parameters"]["batch_index"])
    assert [answer["outputs"][0]["data"] for answer in answers] == [["setosa"], ["virginica"]]
