"""Each text is that of a real file, which another process has saved: what is missing here was there."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import sklearn

from server.errors import ModelError
from server.model.load_failure import PYPI, advice_of, load_failure
from server.model.loader import load

SAVE = '''
import joblib, pathlib, sklearn.base, sys, types

folder = pathlib.Path(sys.argv[1])


class FromNotebook:
    def predict(self, X):
        return X


def save(name, value):
    (folder / name).mkdir()
    joblib.dump(value, folder / name / "model.joblib")


def of_module(module, name="Estimator"):
    """Return an object of a class in a module that exists in this process only."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        path = ".".join(parts[:end])
        if path not in sys.modules:
            sys.modules[path] = types.ModuleType(path)
    kind = type(name, (), {"__module__": module})
    setattr(sys.modules[module], name, kind)
    return kind()


class Raises:
    """Raises while it is loaded."""

    def __init__(self, code):
        self.code = code

    def __reduce__(self):
        return exec, (self.code,)


save("main", FromNotebook())
save("own", of_module("my_features.encoders"))
for name in ("cv2", "lightgbm", "PIL", "skimage.io", "imblearn.over_sampling"):
    save(name, of_module(name))
sklearn.base.__version__ = "1.2.2"
old = sklearn.base.BaseEstimator()
save("sklearn part", [old, of_module("sklearn.ensemble._gone")])
save("sklearn name", [old, of_module("sklearn.base", "GoneMixin")])
save("sklearn error", [old, Raises("raise ValueError('node array has an incompatible dtype:\\\\nexpected')")])
save("sklearn import", [old, Raises("from sklearn.utils import gone")])
sklearn.base.__version__ = "0.20.1"
save("sklearn too old", [sklearn.base.BaseEstimator(), of_module("sklearn.ensemble._gone")])
save("numpy 2", of_module("numpy._core_gone"))
save("numpy 1", of_module("numpy.core_gone"))
save("scipy", of_module("scipy.sparse._gone"))
save("own server module", Raises("from typing_extensions import Gone"))
save("package import", Raises("from scipy import gone"))
save("numpy size", Raises("raise ValueError('numpy.dtype size changed, may indicate binary incompatibility')"))
save("numpy generator", Raises("raise ValueError('MT19937 is not a known BitGenerator module.')"))
save("python", Raises("raise TypeError('code() argument 13 must be str, not int')"))
save("key", Raises("raise KeyError('b')"))
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("saved")
    subprocess.run([sys.executable, "-W", "ignore", "-c", SAVE, made], check=True)
    return made


HERE = sklearn.__version__
PIN = f"put scikit-learn==1.2.2, which saved it, into requirements.txt, or train with {HERE}"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("main", ["needs FromNotebook", "defined in the script or notebook", "cloudpickle.dump", "requirements.txt"]),
        ("own", ["module 'my_features'", "register_pickle_by_value(my_features)", "a wheel of it"]),
        ("cv2", ["package 'cv2'", "put opencv-python-headless into requirements.txt"]),
        ("lightgbm", ["put lightgbm into requirements.txt"]),
        ("PIL", ["put pillow into requirements.txt"]),
        ("skimage.io", ["put scikit-image into requirements.txt"]),
        ("imblearn.over_sampling", ["put imbalanced-learn into requirements.txt"]),
        ("sklearn part", ["sklearn.ensemble._gone, which scikit-learn", f"{HERE} does not have", PIN]),
        ("sklearn name", ["sklearn.base.GoneMixin, which scikit-learn", PIN]),
        (
            "sklearn error",
            [f"scikit-learn {HERE} cannot load this file", PIN, "(node array has an incompatible dtype:)"],
        ),
        ("sklearn import", [f"does not fit scikit-learn {HERE}", PIN, "cannot import name 'gone'"]),
        ("sklearn too old", ["scikit-learn 0.20.1 saved it", f"too old for Python {PYTHON}", f"train with {HERE}"]),
        ("numpy 2", ["numpy._core_gone, which numpy", "numpy>=2"]),
        ("numpy 1", ["numpy.core_gone, which numpy", "numpy<2"]),
        ("scipy", ["scipy.sparse._gone, which scipy", "scipy==VERSION"]),
        ("own server module", ["another typing_extensions than the server's own", "cannot import name 'Gone'"]),
        ("package import", ["module 'scipy' cannot be imported", "versions of scipy", "requirements.txt"]),
        ("numpy size", ["do not fit NumPy", "such as numpy<2", "numpy.dtype size changed"]),
        ("numpy generator", ["do not fit NumPy", "not a known BitGenerator"]),
        ("python", [f"saved by another Python: save it with Python {PYTHON}"]),
        ("key", ["model.joblib is not a model that joblib can load: KeyError: 'b'"]),
    ],
)
def test_load_of_a_file_that_fails_says_what_to_do(folder: Path, name: str, words: list[str]) -> None:
    with pytest.raises(ModelError) as caught:
        load(folder / name / "model.joblib")
    reason = str(caught.value)
    assert [word for word in words if word not in reason] == []
    assert "\n" not in reason


def test_advice_of_this_version_or_none_is_empty() -> None:
    assert (advice_of(HERE), advice_of("")) == ("", "")


def test_packages_of_pypi_have_no_name_of_a_module() -> None:
    assert [name for name in PYPI.values() if name != name.lower() or "_" in name] == []


def test_load_failure_in_another_program_of_the_server_does_not_take_its_main_module_for_a_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", ModuleSpec("server.check", None))
    error = AttributeError("Can't get attribute 'Mine' on <module 'server.check' from '/server/check.py'>")
    assert "which was defined in the script or notebook" in load_failure(error, Path("model.joblib"))
