"""`kubeserve.push` as notebooks use it: the real MinIO, the real watcher, and real servers on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import kubeserve
from watcher.client.contexts import Context, Contexts, write

from .driving import Watcher

FRAME = pd.DataFrame({"age": [31.5, 64.0, 8.25], "city": pd.Categorical(["Rome", "Oslo", "Rome"])})
PEOPLE = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["age"])), LogisticRegression()
).fit(FRAME, ["no", "yes", "no"])


@pytest.fixture(autouse=True)
def context(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = bucket.server
    arguments = ("--runtime", "local", "--state-dir", str(tmp_path / "state"), "--s3-endpoint", server.endpoint)
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    with Watcher(tmp_path / "watcher.log", *arguments, "--bucket", bucket.name, **keys) as watcher:
        found = Context(
            "lab",
            s3_endpoint=server.url,
            bucket=bucket.name,
            namespace="team",
            watcher=f"http://127.0.0.1:{watcher.port}",
            access_key_id=server.access_key,
            secret_access_key=server.secret_key,
        )
        write(tmp_path / "config.yaml", Contexts("lab", {"lab": found}))
        monkeypatch.setenv("KUBESERVE_CONFIG", str(tmp_path / "config.yaml"))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):  # what a context sets stays in this process
            monkeypatch.setenv(name, keys[name])
        yield


def test_push_returns_a_model_that_predicts_what_it_predicts_here(capsys: pytest.CaptureFixture[str]) -> None:
    people = kubeserve.push(PEOPLE, name="people", example=FRAME[:2])
    assert (people.namespace, people.name, people.version) == ("team", "people", "v1")
    assert people.predict(FRAME).tolist() == PEOPLE.predict(FRAME).tolist()
    assert np.array_equal(people.predict_proba(FRAME), PEOPLE.predict_proba(FRAME))
    assert "ready       v1 after " in capsys.readouterr().out
    shown = people._repr_html_()
    assert f'<a href="{people.url}/docs">' in shown
    assert "&quot;age&quot;: 31.5" in shown
    assert kubeserve.push(PEOPLE, name="people", quiet=True).version == "v2"
    assert capsys.readouterr().out == ""


def test_push_of_a_model_that_fails_and_rows_that_are_refused_are_errors_of_one_sentence() -> None:
    scaler = kubeserve.push(StandardScaler().fit([[1.0], [3.0]]), name="scaler", example=np.array([[1.0]]), quiet=True)
    assert scaler.transform(np.array([[2.0]])).tolist() == [[0.0]]
    with pytest.raises(kubeserve.Error, match="predict"):
        scaler.predict([[1.0]])
    with pytest.raises(
        kubeserve.Error, match=r"team/density v1 failed: input-example.json does not suit the model"
    ) as caught:
        kubeserve.push(KernelDensity().fit([[0.0]]), name="density", example=[["text"]], quiet=True)
    assert caught.value.reason == "ModelFailed"
