"""The packages beside a model decide what its process imports: scikit-learn and NumPy of another generation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sklearn

from dev import venvs
from server.errors import ModelError
from server.model.loader import load

from .driving import lines_of
from .serving import command, running

OLD = ("scikit-learn==1.2.2", "numpy==1.26.4")
"""The last generation before NumPy 2. Files of this scikit-learn do not load in the server's own."""

TRAIN = """
import joblib, numpy, sys
from sklearn import ensemble
X = numpy.random.RandomState(0).normal(size=(100, 3))
joblib.dump(getattr(ensemble, sys.argv[2])(random_state=0).fit(X, X[:, 0] > 0), sys.argv[1])
"""


@pytest.fixture(scope="module")
def old() -> Path:
    """Return the Python of an environment with the old packages, created once on each machine."""
    try:
        return venvs.venv("old-scikit-learn", *OLD)
    except venvs.ToolUnavailable as error:
        pytest.fail(str(error), pytrace=False)


def saved_by(old: Path, folder: Path, kind: str = "RandomForestClassifier") -> Path:
    path = folder / "model.joblib"
    subprocess.run([old, "-W", "ignore", "-c", TRAIN, path, kind], check=True)
    return path


def site_packages(old: Path) -> Path:
    (found,) = old.parents[1].glob("lib/python*/site-packages")
    return found


def test_model_of_an_old_scikit_learn_is_served_by_its_own_packages(old: Path, tmp_path: Path) -> None:
    path = saved_by(old, tmp_path)
    (tmp_path / "packages").symlink_to(site_packages(old))
    with running(path) as server:
        server.wait()
        body = b'{"data": [[1, 0, 0], [-1, 0, 0]]}'
        assert server.ask("POST", "/predict", body) == (200, {"predictions": [True, False]})
        assert 'library="sklearn 1.2.2"' in server.metrics()


TRAIN_ON_TEXTS = """
import joblib, sys
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good day", "bad day"], ["yes", "no"])
joblib.dump(model, sys.argv[1])
"""


def test_model_of_texts_of_an_old_scikit_learn_takes_texts(old: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    subprocess.run([old, "-W", "ignore", "-c", TRAIN_ON_TEXTS, path], check=True)
    (tmp_path / "packages").symlink_to(site_packages(old))
    with running(path) as server:
        server.wait()
        body = b'{"data": ["good day", "bad day"]}'
        assert server.ask("POST", "/predict", body) == (200, {"predictions": ["yes", "no"]})


def test_packages_that_cannot_be_imported_end_the_server_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "packages" / "numpy").mkdir(parents=True)
    (tmp_path / "packages" / "numpy" / "__init__.py").write_text("raise RuntimeError('built for another Python')\n")
    log = tmp_path / "log"
    with log.open("wb") as file:
        done = subprocess.run(command(tmp_path / "model.joblib", 0), stderr=file, check=False, timeout=60)
    (line,) = lines_of(log)
    assert done.returncode == 1
    assert line["reason"] == (
        "the packages of requirements.txt cannot be imported: RuntimeError: built for another Python"
    )
    assert "Traceback" not in log.read_text()


def test_server_that_cannot_be_imported_without_packages_does_not_blame_requirements(tmp_path: Path) -> None:
    (tmp_path / "broken" / "numpy").mkdir(parents=True)
    (tmp_path / "broken" / "numpy" / "__init__.py").write_text("raise RuntimeError('built for another Python')\n")
    log = tmp_path / "log"
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "broken")}
    with log.open("wb") as file:
        done = subprocess.run(command(tmp_path / "model.joblib", 0), stderr=file, check=False, timeout=60, env=env)
    (line,) = lines_of(log)
    assert done.returncode == 75
    assert line["reason"] == "the server's own packages cannot be imported: RuntimeError: built for another Python"


GIVEN = ("RandomForestClassifier", "GradientBoostingClassifier", "HistGradientBoostingClassifier")


@pytest.mark.parametrize("kind", GIVEN)
def test_model_of_an_old_scikit_learn_alone_is_refused_with_the_version_to_pin(
    old: Path, tmp_path: Path, kind: str
) -> None:
    path = saved_by(old, tmp_path, kind)
    with pytest.raises(ModelError) as caught:
        load(path)
    pin = f"put scikit-learn==1.2.2, which saved it, into requirements.txt, or train with {sklearn.__version__}"
    assert pin in str(caught.value)


def test_model_of_a_class_in_the_training_script_is_refused_with_the_way_to_save_it(tmp_path: Path) -> None:
    program = "import joblib, sys\nclass Mine: pass\njoblib.dump(Mine(), sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, tmp_path / "model.joblib"], check=True)
    log = tmp_path / "log"
    with log.open("wb") as file:
        done = subprocess.run(command(tmp_path / "model.joblib", 0), stderr=file, check=False, timeout=60)
    reason = lines_of(log)[-1]["reason"]
    assert done.returncode == 1
    assert reason.startswith("the model needs Mine, which was defined in the script or notebook that saved it")
    assert "cloudpickle.dump" in reason
