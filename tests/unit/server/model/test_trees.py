"""A merged forest gives the bits of its trees, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from server.model.direct.registry import direct_methods
from server.model.direct.trees import merge
from server.model.row_independence import same_bits
from tests.unit.server.fitted_models import FEATURES, TREES, X, fitted


@pytest.mark.parametrize("name", TREES)
def test_predict_of_rows_on_a_threshold_goes_the_same_way(name: str) -> None:
    model = fitted(name)
    members = getattr(model, "estimators_", [model])
    thresholds = np.unique(np.concatenate([member.tree_.threshold for member in members]))
    given = np.repeat(thresholds, FEATURES).reshape(-1, FEATURES)
    for step in (given, np.nextafter(given, np.inf), given.astype(np.float32).astype(float)):
        assert same_bits(direct_methods(model)["predict"](step), model.predict(step))


@pytest.mark.parametrize("limit", ["MERGED_BYTES", "MERGED_VALUES"])
def test_predict_proba_of_a_forest_too_large_to_merge_gives_the_same_bits(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted("forest")
    merged = direct_methods(model)["predict_proba"](X)
    monkeypatch.setattr(f"server.model.direct.trees.{limit}", 0)
    monkeypatch.setattr("server.model.direct.trees.merge", None if limit == "MERGED_BYTES" else merge)
    assert same_bits(direct_methods(model)["predict_proba"](X), merged)


def test_merge_has_the_nodes_of_all_trees_and_those_of_the_search() -> None:
    members = [member.tree_ for member in fitted("forest").estimators_]
    assert merge(members).node_count == sum(member.node_count for member in members) + len(members) - 1
