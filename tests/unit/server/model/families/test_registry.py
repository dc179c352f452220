"""Every entry of the registry exists in the installed scikit-learn; direct methods are exact over many rows."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from server.model import families
from server.model.families.base import Unsuited
from server.model.families.registry import KNOWN, MODULES, part_of
from server.model.pickledata.records import Unknown
from server.model.row_independence import batches_match_single_rows, same_bits, searches_row_by_row
from tests.unit.server.fitted_models import DIRECT, FEATURES, INDEPENDENT, OTHERS, THREE, X, fitted

CODE = {"neighbours regressor in a tree"}
MANY = np.random.default_rng(1).normal(size=(2000, FEATURES)) * X.std(0) + X.mean(0)


@pytest.mark.parametrize("name", [name for name in KNOWN if name.startswith("sklearn.")])
def test_known_name_resolves_to_a_type_of_the_installed_scikit_learn(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    kind: Any = getattr(importlib.import_module(module), attribute)
    assert f"{kind.__module__}.{kind.__qualname__}" == name


def test_modules_lists_each_family_under_each_package_of_its_classes() -> None:
    listed = {(package, module) for package, modules in MODULES.items() for module in modules.split()}
    found = set()
    for path in Path(families.__file__).parent.glob("*.py"):
        module = importlib.import_module(f"server.model.families.{path.stem}")
        found |= {(".".join(name.split(".")[:2]), path.stem) for name in getattr(module, "FAMILIES", ())}
    assert listed == found


def test_name_of_another_package_is_not_known() -> None:
    assert KNOWN.get("os.system") is None
    assert KNOWN.get("sklearn.linear_model._base.Other") is None
    assert KNOWN.get("") is None


@pytest.mark.parametrize("name", sorted(CODE))
def test_part_of_neighbors_in_a_tree_of_balls_is_unknown(name: str) -> None:
    with pytest.raises(Unknown, match="is not known as data"):
        part_of(fitted(name))


@pytest.mark.parametrize("name", [name for name in (*DIRECT, *OTHERS) if name not in CODE])
def test_direct_methods_over_many_rows_give_the_bits_of_scikit_learn(name: str) -> None:
    model, part = fitted(name), part_of(fitted(name))
    assert "predict" in part.direct or name not in DIRECT
    for method, call in part.direct.items():
        for rows in (MANY, *(MANY[index : index + 1] for index in range(25))):
            try:
                found = call(rows)
            except Unsuited:
                continue
            assert same_bits(found, getattr(model, method)(rows)), method


@pytest.mark.parametrize("name", [*DIRECT, *OTHERS])
def test_models_are_row_independent_only_where_rows_together_give_the_bits_of_single_rows(name: str) -> None:
    model = fitted(name)
    independent = searches_row_by_row(model) if name in CODE else part_of(model).row_independent
    assert independent == (name in INDEPENDENT)
    if name in INDEPENDENT:
        for method in ("predict", "predict_proba", "decision_function"):
            if hasattr(model, method):
                assert batches_match_single_rows(getattr(model, method), MANY[:40]), method


def test_part_of_a_subclass_is_unknown() -> None:
    class Odd(LogisticRegression):  # type: ignore[misc]
        def predict(self, X: Any) -> Any:
            return np.array(["odd"] * len(X))

    with pytest.raises(Unknown, match="Odd is not known as data"):
        part_of(Odd(max_iter=1000).fit(X[:, :2], THREE))
