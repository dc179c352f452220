from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from kubeserve import requirements
from kubeserve.errors import Error
from kubeserve.requirements import modules_of, requirements_of

VERSIONS = {"xgboost": "3.0.1", "pandas": "2.3.0", "PyYAML": "6.0", "scikit-learn": requirements.SCIKIT_LEARN}
DISTRIBUTIONS = {"xgboost": ["xgboost"], "pandas": ["pandas"], "yaml": ["PyYAML"]}


def inferred(*modules: str, named_columns: bool = False, **versions: str) -> list[str]:
    known = {**VERSIONS, **{name.replace("_", "-"): version for name, version in versions.items()}}
    return requirements_of(
        modules, named_columns=named_columns, version=known.__getitem__, distributions=lambda: DISTRIBUTIONS
    )


def test_requirements_of_what_every_server_has_are_none() -> None:
    assert inferred("sklearn", "numpy", "scipy", "joblib", "builtins", "collections") == []


def test_requirements_of_a_library_name_its_package_as_it_is_installed() -> None:
    assert inferred("xgboost", "yaml", "sklearn") == ["PyYAML==6.0", "xgboost==3.0.1"]


def test_requirements_of_named_columns_have_pandas() -> None:
    assert inferred("sklearn", named_columns=True) == ["pandas==2.3.0"]


def test_requirements_have_scikit_learn_only_where_the_image_has_another_minor_version() -> None:
    assert inferred("sklearn", scikit_learn="1.6.1") == ["scikit-learn==1.6.1"]
    patch = requirements.SCIKIT_LEARN.rpartition(".")[0] + ".99"
    assert inferred("sklearn", scikit_learn=patch) == []
    assert inferred("numpy", scikit_learn="1.6.1") == []


def test_requirements_of_a_module_without_a_package_say_what_to_do() -> None:
    with pytest.raises(Error, match="the model needs the module mine, which is no installed package: put it into a"):
        inferred("mine")


def test_version_in_the_image_is_that_of_its_lock_file() -> None:
    lock = (Path(__file__).parents[3] / "requirements-server.lock").read_text()
    found = re.search(r"^scikit-learn==(\S+)", lock, re.MULTILINE)
    assert found
    assert found[1] == requirements.SCIKIT_LEARN


class Mine:
    """Of a module that is no package."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner


def test_modules_of_a_model_are_those_of_its_classes_and_functions_at_any_depth() -> None:
    model = make_pipeline(FunctionTransformer(np.log1p), LogisticRegression())
    assert {"sklearn", "numpy"} <= modules_of(model)
    assert modules_of(model).isdisjoint({"tests", "joblib", "__main__"})
    assert "tests" in modules_of({"deep": [Mine(model)]})
    assert {"sklearn", "tests"} <= modules_of([model, Mine])


def test_modules_of_large_arrays_are_quick_because_numbers_name_nothing() -> None:
    assert "numpy" in modules_of([np.zeros(10_000_000)])


def test_modules_of_code_of_a_notebook_are_those_of_cloudpickle_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Mine, "__module__", "__main__")
    found = modules_of([Mine(1), LogisticRegression()])
    assert {"cloudpickle", "sklearn"} <= found
    assert "__main__" not in found
    monkeypatch.setitem(sys.modules, "cloudpickle", None)  # an import of it fails now
    assert "__main__" in modules_of(Mine(1))
