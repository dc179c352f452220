"""`kubeserve.push` into a folder, without a watcher: what it uploads, and the errors in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity

import kubeserve
from watcher.client.contexts import Context, Contexts, write

MODEL = LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0]], ["a", "b"])


@pytest.fixture(autouse=True)
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bucket"
    folder.mkdir()
    config = tmp_path / "config.yaml"
    context = Context("lab", f"folder:{folder}", namespace="team", watcher="http://127.0.0.1:1")
    write(config, Contexts("lab", {"lab": context}))
    for name in ("KUBESERVE_NAMESPACE", "KUBESERVE_BUCKET", "KUBESERVE_URL", "KUBESERVE_STORE", "KUBESERVE_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBESERVE_CONFIG", str(config))
    return folder


def test_push_uploads_the_model_its_example_and_its_values(bucket: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = kubeserve.push(
        MODEL, "iris", example=np.array([[0.5, 0.5]]), values={"deployment": {"replicas": 2}}, wait=False
    )
    assert (found.namespace, found.name, found.version, found.url) == ("team", "iris", "v1", "")
    folder = bucket / "team" / "iris" / "v1"
    assert {path.name for path in folder.iterdir()} == {"model.joblib", "input-example.json", "values.yaml"}
    assert json.loads((folder / "input-example.json").read_text()) == {"data": [[0.5, 0.5]]}
    assert list(joblib.load(folder / "model.joblib").classes_) == ["a", "b"]
    assert "check       loads as data: LogisticRegression" in capsys.readouterr().out


def test_push_of_a_model_that_is_code_brings_the_packages_that_it_needs(bucket: Path) -> None:
    kubeserve.push(KernelDensity().fit([[0.0]]), "plain", wait=False, quiet=True)
    assert {path.name for path in (bucket / "team/plain/v1").iterdir()} == {"model.joblib"}
    named = KernelDensity().fit(pd.DataFrame({"a": [0.0]}))
    kubeserve.push(named, "named", wait=False, quiet=True)
    assert (bucket / "team/named/v1/requirements.txt").read_text() == f"pandas=={pd.__version__}\n"
    kubeserve.push(named, "named", requirements=[], wait=False, quiet=True)
    assert not (bucket / "team/named/v2/requirements.txt").exists()


def test_push_of_a_file_is_as_the_command_does_it(bucket: Path, tmp_path: Path) -> None:
    joblib.dump(MODEL, tmp_path / "iris.joblib")
    assert kubeserve.push(tmp_path / "iris.joblib", wait=False, quiet=True).source.endswith("team/iris/v1/model.joblib")
    assert (
        kubeserve.push(str(tmp_path / "iris.joblib"), "other", version="2026-11-30", wait=False, quiet=True).name
        == "other"
    )


class Locked:
    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle this")


@pytest.mark.parametrize(
    ("model", "arguments", "sentence"),
    [
        (MODEL, {}, 'a model in memory has no name: say name="…"'),
        (MODEL, {"name": "My Iris"}, "model 'My Iris' is not a valid name for a Service"),
        (MODEL, {"name": "iris", "values": {"image": "x"}}, "values.yaml: Additional properties are not allowed"),
        (MODEL, {"name": "iris", "context": "lob"}, "no context 'lob'; did you mean 'lab'?"),
        (MODEL, {"name": "iris"}, "team/iris v1 is uploaded, but not followed: no watcher answers at"),
        (Locked(), {"name": "iris"}, "the model cannot be saved: TypeError: cannot pickle this"),
        ("nothing.joblib", {}, "there is no file nothing.joblib"),
    ],
)
def test_push_that_fails_is_an_error_of_one_sentence(model: Any, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(kubeserve.Error) as caught:
        kubeserve.push(model, quiet=True, **arguments)
    assert sentence in str(caught.value)
    assert caught.value.reason
