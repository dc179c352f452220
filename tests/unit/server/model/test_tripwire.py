"""The list of names that a model may have: what is on it loads, and nothing else is imported."""

from __future__ import annotations

import copyreg
import pickle
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import config_context
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, TunedThresholdClassifierCV
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.utils.discovery import all_estimators

from server.errors import ModelError
from server.model.allow_list import AllowList, NotAllowedError, allow_list
from server.model.known_names import known_names
from server.model.load_policy import LoadPolicy
from server.model.loader import load
from server.model.pickledata.files import names_in
from server.model.study import study_model
from server.model.tripwire import load_allowed

KNOWN = allow_list("known")
X = np.random.default_rng(0).normal(size=(30, 3))
Y = (X[:, 0] > 0).astype(int)
TEXTS = np.array([["a", "x"], ["b", "y"]] * 15, dtype=object)


class Own(DummyClassifier):
    """A class of an uploader's wheel."""


OWN = f"{__name__}.Own"


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, call: Any, *arguments: Any, state: Any = None) -> None:
        self.made = call, arguments, state

    def __reduce__(self) -> Any:
        return self.made


def saved(path: Path, model: Any, **options: Any) -> Path:
    joblib.dump(model, path / "model.joblib", **options)
    return path / "model.joblib"


def touching(path: Path) -> Runs:
    return Runs(Path.touch, path)


@pytest.mark.parametrize("options", [{}, {"compress": ("zlib", 3)}, {"compress": ("xz", 3)}, {"protocol": 2}])
@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y),
        KernelDensity().fit(X),
        KNeighborsClassifier().fit(X, Y),
        GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, scoring="f1", cv=2).fit(X, Y),
        make_pipeline(OrdinalEncoder(), DummyClassifier()).fit(TEXTS, Y),  # an array of objects
    ],
    ids=lambda model: (
        type(model).__name__ if not hasattr(model, "steps") else "_".join(name for name, _ in model.steps)
    ),
)
def test_known_models_load_with_the_list(tmp_path: Path, model: Any, options: dict[str, Any]) -> None:
    path = saved(tmp_path, model, **options)
    with_list, without = (load(path, policy=LoadPolicy.CODE, allowed=allowed) for allowed in (KNOWN, None))
    assert str(with_list.schema) == str(without.schema)
    assert with_list.methods.keys() == without.methods.keys()


NUMBERS = pd.DataFrame(X, columns=list("abc"))


@pytest.mark.parametrize(
    "kind", [np.number, np.integer, np.floating, np.object_, np.generic, np.bool_, [np.float64], "number", object]
)
def test_columns_selected_by_any_kind_of_number_load_with_the_list(tmp_path: Path, kind: Any) -> None:
    columns = ColumnTransformer(
        [("scale", StandardScaler(), make_column_selector(dtype_include=kind))], remainder="passthrough"
    )
    path = saved(tmp_path, make_pipeline(columns, LogisticRegression()).fit(NUMBERS, Y))
    assert load(path, policy=LoadPolicy.CODE, allowed=KNOWN).library


@pytest.mark.parametrize(
    ("over", "instead", "refused"),
    [
        ({"C": stats.loguniform(0.01, 10)}, {"C": [0.01, 1.0]}, "rv_continuous_frozen"),
        ({"max_iter": stats.randint(90, 100)}, {"max_iter": range(90, 100)}, "rv_discrete_frozen"),
    ],
)
def test_a_search_over_a_distribution_is_refused(tmp_path: Path, over: Any, instead: Any, refused: str) -> None:
    """As docs/operations.md says, with the way around it."""
    of = lambda grid: RandomizedSearchCV(LogisticRegression(), grid, n_iter=2, cv=2, random_state=0)  # noqa: E731 - short
    search = of(over).fit(X, Y)
    with pytest.raises(NotAllowedError, match=refused):
        load(saved(tmp_path, search), policy=LoadPolicy.CODE, allowed=KNOWN)
    names, _ = names_in(tmp_path / "model.joblib")
    assert ("builtins.getattr" in names) == (refused == "rv_discrete_frozen")
    for other in (search.best_estimator_, of(instead).fit(X, Y)):
        assert load(saved(tmp_path, other), policy=LoadPolicy.CODE, allowed=KNOWN).library


def test_the_state_of_a_distribution_would_run(tmp_path: Path) -> None:
    """Which is why none is on the list `known`."""
    touched, kind = tmp_path / "touched", type(stats.loguniform(1, 2).dist)
    text = f"open({str(touched)!r}, 'w').close()\n"
    state = {"_parse_arg_template": text}
    path = saved(tmp_path, Runs(copyreg._reconstructor, kind, object, None, state=state))  # type: ignore[attr-defined]
    with pytest.raises(NotAllowedError, match="reciprocal_gen"):
        load(path, policy=LoadPolicy.CODE, allowed=KNOWN)
    assert not touched.exists()
    with pytest.raises(ModelError):
        load(path, policy=LoadPolicy.CODE)
    assert touched.exists()


def test_tuned_thresholds_and_requested_weights_load_with_the_list(tmp_path: Path) -> None:
    with config_context(enable_metadata_routing=True):
        weighted = LogisticRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        models = [
            TunedThresholdClassifierCV(LogisticRegression(), cv=2).fit(X, Y),
            GridSearchCV(weighted, {"C": [1.0, 2.0]}, cv=2).fit(X, Y, sample_weight=np.ones(len(X))),
        ]
    for model in models:
        assert load(saved(tmp_path, model), policy=LoadPolicy.CODE, allowed=KNOWN).library


def test_a_compressed_model_is_held_once_while_it_loads(tmp_path: Path) -> None:
    numbers = np.arange(1 << 21, dtype=np.float64)
    path = saved(tmp_path, numbers, compress=("zlib", 1))
    load_allowed(path, KNOWN)  # imports
    tracemalloc.start()
    try:
        found = load_allowed(path, KNOWN)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found == numbers).all()
    assert peak < 2.5 * numbers.nbytes  # the decompressed file and the array


def test_known_names_contain_each_estimator_of_this_version() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the modules of tests, which it imports
        classes = [kind for _, kind in all_estimators()]
    assert len(classes) > 200
    assert not {f"{kind.__module__}.{kind.__qualname__}" for kind in classes} - known_names()


def test_own_classes_load_by_default_and_with_their_name_on_the_list(tmp_path: Path) -> None:
    path = saved(tmp_path, Own().fit(X, Y))
    assert load(path).library
    with pytest.raises(NotAllowedError) as caught:
        load(path, allowed=KNOWN)
    assert str(caught.value) == (
        f"model.joblib names {OWN}, which models may not name here: its operator allows it by server.codeAllow "
        "(--code-allow)"
    )
    assert load(path, allowed=allow_list(f"known, {OWN}")).library


@pytest.mark.parametrize("options", [{}, {"compress": 3}, {"protocol": 0}, {"protocol": 2}])
@pytest.mark.parametrize(
    "hidden",
    [
        touching,
        lambda path: np.array([touching(path)], dtype=object),  # a pickle of its own inside the file
        lambda path: [np.array([[1, touching(path)]], dtype=object)],
        lambda path: Runs(eval, f"open({str(path)!r}, 'w')"),
        lambda path: Runs(pickle.loads, pickle.dumps(touching(path))),
        lambda path: Own().fit(X, [str(touching(path)), "b"] * 15),
        lambda path: {"state": LogisticRegression(C=touching(path))},
    ],
)
def test_what_is_not_on_the_list_is_refused_before_it_runs(
    tmp_path: Path, hidden: Callable[[Path], Any], options: dict[str, Any]
) -> None:
    touched = tmp_path / "touched"
    path = saved(tmp_path, hidden(touched), **options)
    with pytest.raises(NotAllowedError, match="which models may not name here"):
        load(path, policy=LoadPolicy.CODE, allowed=KNOWN)
    assert not touched.exists()


def test_hidden_attempts_succeed_without_the_list(tmp_path: Path) -> None:
    """Otherwise the test above would show nothing."""
    path = saved(tmp_path, np.array([touching(tmp_path / "touched")], dtype=object))
    with pytest.raises(ModelError):
        load(path)
    assert (tmp_path / "touched").exists()


def test_a_name_is_allowed_by_class_and_not_by_module(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    for module, name in (
        ("sklearn.linear_model._logistic", "np.save"),
        ("sklearn.pipeline", "clone"),
        ("numpy", "load"),
    ):
        path.write_bytes(b"\x80\x04\x8c%c%s\x8c%c%s\x93." % (len(module), module.encode(), len(name), name.encode()))
        with pytest.raises(NotAllowedError, match=f"names {module}.{name}"):
            load(path, policy=LoadPolicy.CODE, allowed=KNOWN)


def test_a_refused_module_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "never_imported.py").write_text("raise SystemExit('imported')")
    path = tmp_path / "model.joblib"
    path.write_bytes(b"cnever_imported\nThing\n.")
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(NotAllowedError):
            load(path, policy=LoadPolicy.CODE, allowed=KNOWN)
    finally:
        sys.path.remove(str(tmp_path))
    assert "never_imported" not in sys.modules


def test_the_old_name_of_an_allowed_class_is_allowed(tmp_path: Path) -> None:
    """Protocol 2 has `__builtin__` and `copy_reg`; and what Python 2 calls `os.system` is refused by either name."""
    path = tmp_path / "model.joblib"
    path.write_bytes(b"\x80\x02c__builtin__\nset\n)R.")
    with pytest.raises(ModelError, match="holds a set"):
        load(path, policy=LoadPolicy.CODE, allowed=KNOWN)
    path.write_bytes(b"\x80\x02c__builtin__\neval\n.")
    with pytest.raises(NotAllowedError, match=r"names builtins\.eval"):
        load(path, policy=LoadPolicy.CODE, allowed=KNOWN)


def test_an_array_described_twice_is_read_with_the_list(tmp_path: Path) -> None:
    """The second description has no dtype, so that the first one's counts."""
    wrapper = b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81q\x00"
    first = b"}\x8c\x05dtypecnumpy\ndtype\n\x8c\x01O\x85Rsb" + pickle.dumps(None)
    second = b"0h\x00}b" + pickle.dumps(touching(tmp_path / "touched"))
    (tmp_path / "model.joblib").write_bytes(wrapper + first + second + b".")
    with pytest.raises(NotAllowedError, match=r"names pathlib\.Path\.touch"):
        load(tmp_path / "model.joblib", policy=LoadPolicy.CODE, allowed=KNOWN)
    assert not (tmp_path / "touched").exists()


def test_files_of_joblib_before_0_10_are_refused_with_a_list(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(b"ZF0x10" + b" " * 20)
    with pytest.raises(ModelError, match=r"cannot be loaded with a list of allowed names .*joblib before 0\.10"):
        load(path, policy=LoadPolicy.CODE, allowed=KNOWN)


def test_code_in_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(cloudpickle.dumps(lambda rows: rows))
    with pytest.raises(NotAllowedError, match=r"names cloudpickle\."):
        load(path, policy=LoadPolicy.CODE, allowed=KNOWN)


def test_the_second_look_has_the_list_too(tmp_path: Path) -> None:
    path = saved(tmp_path, Own().fit(X, Y))
    model = load(path)
    assert "which models may not name here" not in study_model(model, path).unexplained
    kept_nothing = type(model)(**{field: getattr(model, field) for field in model.__slots__ if field != "estimator"})
    assert "which models may not name here" in study_model(kept_nothing, path, KNOWN).unexplained


@pytest.mark.parametrize(("text", "names"), [("", None), (" , ", None), ("a.B, c.D", {"a.B", "c.D"})])
def test_allow_list_of_a_setting(text: str, names: set[str] | None) -> None:
    assert allow_list(text) == (names and AllowList(frozenset(names)))
