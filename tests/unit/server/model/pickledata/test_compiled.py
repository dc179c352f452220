"""What is loaded alone is tested in a process of its own, without scikit-learn."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scipy import special
from scipy.interpolate import _dierckx
from scipy.linalg import _batched_linalg, blas
from sklearn import svm
from sklearn.ensemble._hist_gradient_boosting import _predictor

from server.model.pickledata import compiled
from server.model.pickledata.compiled import (
    DIGAMMA,
    EVALUATE_SPLINE,
    EXPIT,
    INVERSE,
    MATRIX_PRODUCT,
    SVM_DECIDE,
    SVM_PREDICT,
    SVM_PROBABILITIES,
    WALK_TREES,
    XLOGY,
    MissingRoutineError,
    Routine,
    load_module,
    missing_routine,
)

ROOT = Path(__file__).parents[5]
NAMES = (
    "WALK_TREES",
    "SVM_PREDICT",
    "SVM_DECIDE",
    "SVM_PROBABILITIES",
    "EXPIT",
    "MATRIX_PRODUCT",
    "INVERSE",
    "EVALUATE_SPLINE",
)

ALONE = f"""
import json, sys, time
import numpy as np
from server.model.pickledata import compiled

def packages():
    return [name for name in sys.modules if name.partition(".")[0] in ("sklearn", "scipy", "joblib")]

compiled.require_versions()
assert not packages()
seconds = {{}}
for name in {NAMES}:
    start = time.perf_counter()
    assert callable(getattr(compiled, name).function)
    seconds[name] = time.perf_counter() - start
"""


def run(code: str) -> Any:
    """Run Python code in a process without scikit-learn, and return the JSON that it prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_routines_alone_import_no_other_module_of_their_packages() -> None:
    modules, seconds = run(f"{ALONE}\nprint(json.dumps([packages(), seconds]))")
    print({name: f"{1000 * each:.1f} ms" for name, each in seconds.items()})
    assert set(modules) == set(compiled.FILES).union(*compiled.FILES.values())
    assert not {"sklearn", "sklearn.base", "scipy", "scipy.sparse", "joblib"} & set(modules)


def test_routines_alone_give_the_same_bits() -> None:
    values = [-800.0, -1e-310, 0.0, 0.3, 37.5]
    alone = run(f"{ALONE}\nprint(json.dumps([each.hex() for each in compiled.EXPIT({values})]))")
    assert alone == [each.hex() for each in special.expit(values)]


def test_matrix_product_computes_in_one_thread() -> None:
    count = "ctypes.CDLL(compiled.load_module(compiled.BLAS).__file__).scipy_openblas_get_num_threads()"
    code = f"import ctypes, os\nos.environ['OPENBLAS_NUM_THREADS'] = '2'\n{ALONE}\nprint(json.dumps({count}))"
    assert run(code) == 1


def test_packages_work_as_usual_after_that() -> None:
    use = """
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
import scipy.special
X, y = np.arange(40.0).reshape(20, 2), [0, 1] * 10
for model in (HistGradientBoostingClassifier(max_iter=2), LogisticRegression(), SVC()):
    model.fit(X, y).predict(X)
print(json.dumps(scipy.special.expit is compiled.EXPIT.function))
"""
    assert run(ALONE + use)


def test_routines_after_scikit_learn_are_its_own() -> None:
    assert EXPIT.function is special.expit
    assert WALK_TREES.function is _predictor._predict_from_raw_data
    assert SVM_PREDICT.function is svm._libsvm.predict
    assert SVM_DECIDE.function is svm._libsvm.decision_function
    assert SVM_PROBABILITIES.function is svm._libsvm.predict_proba
    assert MATRIX_PRODUCT.function is blas.dgemm
    assert INVERSE.function is _batched_linalg._inv
    assert EVALUATE_SPLINE.function is _dierckx.evaluate_spline
    assert (DIGAMMA.function, XLOGY.function) == (special.digamma, special.xlogy)


def test_routines_of_one_package_are_loaded_alone_where_only_the_other_was_imported() -> None:
    mixed = "import scipy.special\n" + ALONE.replace("assert not packages()", "")
    assert run(f"{mixed}\nprint(json.dumps('sklearn.base' not in sys.modules and 'scipy.linalg' in sys.modules))")


def test_routine_that_is_not_in_the_closed_list_raises_and_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_MISSING", [])
    assert missing_routine() == ""
    with pytest.raises(MissingRoutineError, match=r"scipy\.special\._comb cannot be loaded alone: it is not in the"):
        Routine("scipy.special._comb", "expit")(0.0)
    assert missing_routine() == "scipy.special._comb"
    with pytest.raises(ImportError, match="closed list"):
        load_module("sklearn._cyutility")


# ---- versions


def test_versions_are_those_of_the_servers_lock() -> None:
    lock = (ROOT / "requirements-server.lock").read_text()
    for distribution, versions in compiled.VERSIONS.items():
        found = re.findall(rf"^{distribution.replace('_', '-')}==([^ ;]+)", lock, re.MULTILINE)
        assert set(found) == versions


REFUSED = """
import json, sys
import numpy
from server.model.pickledata import compiled
{change}
try:
    compiled.require_versions()
except ImportError as error:
    words = str(error)
refused = []
for name in {names}:
    try:
        getattr(compiled, name).function
    except compiled.MissingRoutineError as error:
        refused.append(name)
assert "sklearn" not in sys.modules and "scipy" not in sys.modules
print(json.dumps([words, refused]))
"""


@pytest.mark.parametrize(
    ("change", "words", "refused"),
    [
        ("compiled.VERSIONS['numpy'] = frozenset({'0.1'})", "is not the one that they were tested with", NAMES),
        ("compiled.VERSIONS['scikit_learn'] = frozenset({'0.1'})", "is not of version 0.1", NAMES[:4]),
        ("compiled.VERSIONS['scipy'] = frozenset({'0.1'})", "is not of version 0.1", NAMES[1:]),
        ("sys.path[:] = []", "is not installed", NAMES),
    ],
)
def test_other_version_is_not_loaded(change: str, words: str, refused: tuple[str, ...]) -> None:
    found_words, found = run(REFUSED.format(change=change, names=NAMES))
    assert words in found_words
    assert tuple(found) == refused
