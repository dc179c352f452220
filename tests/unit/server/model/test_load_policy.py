"""`--load auto|data|code` over real files: what is read, what is run, and what is refused in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from structlog.testing import capture_logs

from server.errors import ModelError
from server.model.load_policy import LoadPolicy, NotDataError
from server.model.loader import load
from server.model.pickledata import compiled
from server.paths import INPUT_EXAMPLE, PACKAGES, REQUIREMENTS

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 5.0]])
LABELS = np.array(["no", "no", "yes", "yes"])
PIPELINE = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, LABELS)
AUTO, DATA, CODE = LoadPolicy


class Own(BaseEstimator):  # type: ignore[misc]
    """A class of the model's owner."""

    def predict(self, rows: Any) -> Any:
        return np.zeros(len(rows))


class Attack:
    """Makes a folder when it is loaded as code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def saved(folder: Path, model: Any) -> Path:
    path = folder / "model.joblib"
    joblib.dump(model, path)
    return path


@pytest.mark.parametrize("policy", [AUTO, DATA])
def test_load_of_a_known_model_reads_it_as_data(tmp_path: Path, policy: LoadPolicy) -> None:
    path = saved(tmp_path, PIPELINE)
    read, run = load(path, policy=policy), load(path, policy=CODE)
    assert (read.loaded, read.needs_code, run.loaded) == ("data", "", "code")
    assert (read.digest, read.library, read.saved_by) == (run.digest, run.library, run.saved_by)
    assert read.methods.keys() == run.methods.keys()
    for name, method in run.methods.items():
        assert read.methods[name].call(X).tobytes() == method.call(X).tobytes()


def test_load_of_an_unknown_model_by_auto_runs_it_and_says_why(tmp_path: Path) -> None:
    with capture_logs() as logs:
        loaded = load(saved(tmp_path, Own()))
    assert (loaded.loaded, loaded.needs_code) == ("code", "Own is not known as data")
    assert logs[-1] == {"event": "loaded as code", "log_level": "info", "reason": "Own is not known as data"}


def test_load_of_an_unknown_model_by_data_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(NotDataError, match="this model needs code: Own is not known as data"):
        load(saved(tmp_path, Own()), policy=DATA)


@pytest.mark.parametrize(
    "holder", [lambda attack: attack, lambda attack: {"a": attack}, lambda attack: [PIPELINE, attack]]
)
def test_load_by_data_runs_nothing_of_the_file(tmp_path: Path, holder: Any) -> None:
    made = tmp_path / "made"
    path = saved(tmp_path, holder(Attack(made)))
    with pytest.raises(NotDataError, match="this model needs code: "):
        load(path, policy=DATA)
    assert not made.exists()
    with pytest.raises(ModelError):
        load(path)
    assert made.exists()  # auto is no boundary


@pytest.mark.parametrize("file", [PACKAGES, REQUIREMENTS])
def test_load_of_a_model_with_packages_is_code(tmp_path: Path, file: str) -> None:
    path = saved(tmp_path, PIPELINE)
    (tmp_path / file).mkdir() if file == PACKAGES else (tmp_path / file).touch()
    assert load(path).needs_code == "its requirements.txt brings packages"
    with pytest.raises(NotDataError, match=r"needs code: its requirements\.txt brings packages"):
        load(path, policy=DATA)


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"garbage", r"model\.joblib cannot be read: "), (None, "model.joblib cannot be read: No such")],
)
def test_load_of_a_damaged_file_by_data_is_refused(tmp_path: Path, content: bytes | None, error: str) -> None:
    path = tmp_path / "model.joblib"
    if content:
        path.write_bytes(content)
    with pytest.raises(NotDataError, match=error):
        load(path, policy=DATA)


def test_load_as_data_of_a_model_that_refuses_its_owners_example_does_not_try_code(tmp_path: Path) -> None:
    (tmp_path / INPUT_EXAMPLE).write_text("[[1, 2, 3]]")
    with capture_logs() as logs, pytest.raises(ModelError, match=r"^input-example\.json") as caught:
        load(saved(tmp_path, PIPELINE))
    assert not isinstance(caught.value, NotDataError)
    assert logs == []


def test_load_without_a_compiled_routine_is_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, PIPELINE)
    monkeypatch.setattr(compiled, "_MISSING", ["scipy.special._special_ufuncs"])
    loaded = load(path)
    assert loaded.needs_code == "scipy.special._special_ufuncs cannot be loaded alone"
    assert loaded.methods["predict"].call(X).tolist() == LABELS.tolist()
    with pytest.raises(NotDataError, match="needs code: scipy"):
        load(path, policy=DATA)


IMPORTS = """
import json, sys
from pathlib import Path
import numpy as np
from server.model.load_policy import LoadPolicy
from server.model.loader import load
loaded = load(Path(sys.argv[1]), policy=LoadPolicy.DATA)
answers = {name: method.call(np.array([[0.5, 1.0]])).tolist() for name, method in loaded.methods.items()}
packages = {"joblib", "pandas", "scipy", "sklearn"}
print(json.dumps([answers, sorted(packages & set(sys.modules))]))
"""


def test_load_as_data_imports_none_of_the_packages_that_the_file_names(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", IMPORTS, str(saved(tmp_path, PIPELINE))]
    answers, imported = json.loads(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)
    assert imported == []
    row = np.array([[0.5, 1.0]])
    assert answers == {
        name: getattr(PIPELINE, name)(row).tolist() for name in ("predict", "predict_proba", "decision_function")
    }
