from __future__ import annotations

import subprocess
import sys

import pytest
from scipy import special
from sklearn import svm
from sklearn.ensemble._hist_gradient_boosting import _predictor

from server.model.pickledata import compiled
from server.model.pickledata.compiled import (
    EXPIT,
    SVM_DECIDE,
    SVM_PREDICT,
    SVM_PROBABILITIES,
    WALK_TREES,
    MissingRoutineError,
    Routine,
    missing_routine,
)

ALL = ("EXPIT", "WALK_TREES", "SVM_PREDICT", "SVM_DECIDE", "SVM_PROBABILITIES")

ALONE = f"""
import sys
from server.model.pickledata import compiled
for name in {ALL}:
    assert callable(getattr(compiled, name).function)
packages = {{name for name in sys.modules if name.partition(".")[0] in ("sklearn", "scipy", "joblib")}}
python = [name for name in packages if not getattr(sys.modules[name], "__file__", "").endswith(".so")]
assert not python, python
assert compiled.EXPIT(0.0) == 0.5
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
X, y = np.arange(40.0).reshape(20, 2), [0, 1] * 10
for model in (HistGradientBoostingClassifier(max_iter=2), LogisticRegression(), SVC()):
    model.fit(X, y).predict(X)
"""
"""Loads each routine alone, then imports the packages around them, which must work as usual."""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_routines_alone_import_no_python_package_and_leave_scikit_learn_usable() -> None:
    done = run(ALONE)
    assert done.returncode == 0, done.stderr


def test_routines_after_scikit_learn_are_its_own() -> None:
    assert EXPIT.function is special.expit
    assert WALK_TREES.function is _predictor._predict_from_raw_data
    assert SVM_PREDICT.function is svm._libsvm.predict
    assert SVM_DECIDE.function is svm._libsvm.decision_function
    assert SVM_PROBABILITIES.function is svm._libsvm.predict_proba


def test_routine_that_is_not_there_raises_and_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_MISSING", [])
    assert missing_routine() == ""
    with pytest.raises(MissingRoutineError, match=r"scipy\.special\._nothing cannot be loaded alone"):
        Routine("scipy.special._nothing", "expit")(0.0)
    assert missing_routine() == "scipy.special._nothing"


def test_routines_of_another_version_are_not_loaded() -> None:
    done = run(
        "from server.model.pickledata import compiled\n"
        "compiled.VERSIONS = {'scipy': ('scipy', ('0.1.',)), 'sklearn': ('scikit_learn', ('0.1.',))}\n"
        f"for name in {ALL}:\n"
        "    try:\n"
        "        getattr(compiled, name).function\n"
        "    except compiled.MissingRoutineError as error:\n"
        "        assert 'is not one that is known' in str(error), error\n"
        "    else:\n"
        "        raise AssertionError(name)\n"
        "import sys\n"
        "assert 'sklearn' not in sys.modules and 'scipy' not in sys.modules\n"
    )
    assert done.returncode == 0, done.stderr
