"""Branches on sets of categories are compared with the sets themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from server.inputs.named_table import NamedTable
from server.model.families.category_branches import BLOCK, MAX_BLOCKS, CategoryBranches, CategoryCodes
from server.model.families.tree_walk import NODE
from server.model.pickledata.records import Unknown

VALUES = (0.0, 1.0, 254.0, 255.0, 256.0, 509.0, 510.0, 511.0, 65_279.0, -0.5, -1.0, 0.9, 1e300, np.inf, -np.inf, np.nan)
SETS = ([0], [254], [255], [0, 255, 510], [1, 254, 256, 509], list(range(600)), [65_279], [])


def branching(*, missing_left: bool, feature: int = 1) -> Any:
    """Return a tree of one branch: 1 on the left, 2 on the right."""
    nodes = np.zeros(3, NODE)
    nodes["is_leaf"], nodes["value"] = [0, 1, 1], [0, 1, 2]
    nodes["left"][0], nodes["right"][0] = 1, 2
    nodes["feature_idx"][0], nodes["missing_go_to_left"][0] = feature, missing_left
    return nodes


def walked(trees: Any, rows: Any) -> Any:
    """Return the sum of the trees, whose sets are given by tree."""
    branches = CategoryBranches(rows.shape[1], np.trunc)
    walk = branches.walk([branches.tree(nodes, {0: np.array(chosen, np.int64)}) for nodes, chosen in trees])
    assert walk is not None
    return walk(branches.rows()(rows), lambda values: values.sum(axis=0))


@pytest.mark.parametrize("missing_left", [False, True])
@pytest.mark.parametrize("chosen", SETS, ids=lambda chosen: str(chosen[:5]))
def test_walk_goes_left_for_the_categories_of_the_set_alone(chosen: list[int], *, missing_left: bool) -> None:
    for value in VALUES:
        left = missing_left if np.isnan(value) else np.trunc(value) in chosen
        found = walked([(branching(missing_left=missing_left), chosen)], np.array([[7.0, value]]))
        assert found.tolist() == [1.0 if left else 2.0], value


def test_walk_of_many_sets_and_rows_is_the_sum_of_each() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 700, (300, 2)).astype(float)
    sets = [rng.choice(700, 50, replace=False) for _ in range(20)]
    expected = sum(np.where(np.isin(rows[:, 1], chosen), 1.0, 2.0) for chosen in sets)
    trees = [(branching(missing_left=False), chosen) for chosen in sets]
    assert walked(trees, rows).tolist() == np.asarray(expected).tolist()


def test_tree_keeps_the_branches_after_a_chain() -> None:
    nodes = np.zeros(5, NODE)
    nodes["is_leaf"], nodes["value"] = [0, 0, 1, 1, 1], [0, 0, 1, 2, 3]
    nodes["left"][:2], nodes["right"][:2] = [1, 3], [2, 4]
    nodes["num_threshold"][1] = 0.5
    branches = CategoryBranches(1, np.trunc)
    walk = branches.walk([branches.tree(nodes, {0: np.array([0, 300])})])
    assert walk is not None
    rows = branches.rows()(np.array([[0.0], [300.0], [7.0]]))
    assert walk(rows, lambda values: values.sum(axis=0)).tolist() == [2.0, 3.0, 1.0]


@pytest.mark.parametrize("feature", [-1, 2])
def test_walk_of_a_feature_outside_is_none(feature: int) -> None:
    branches = CategoryBranches(2, np.trunc)
    trees = [branches.tree(branching(missing_left=False, feature=feature), {0: np.array([1])})]
    assert branches.walk(trees) is None


def test_tree_of_too_many_blocks_is_unknown() -> None:
    branches = CategoryBranches(2, np.trunc)
    nodes = branching(missing_left=False)
    branches.tree(nodes, {0: np.arange(MAX_BLOCKS) * BLOCK})
    with pytest.raises(Unknown, match="so many categories"):
        branches.tree(nodes, {0: np.array([MAX_BLOCKS * BLOCK])})


def test_codes_of_a_table_tell_true_from_1_and_leave_other_columns() -> None:
    codes = CategoryCodes({0: [False, True], 2: [5, 7]})
    table = NamedTable(("a", "b", "c"), [np.array([True, False], object), np.array([1, 2]), np.array([7.0, np.nan])])
    assert codes(table).tolist()[0] == [1.0, 1.0, 1.0]
    assert np.isnan(codes(table)[1, 2])
    assert np.isnan(CategoryCodes({0: [0, 1]})(NamedTable(("a",), [np.array([True, False], object)]))).all()


def test_codes_of_a_matrix_are_the_matrix() -> None:
    matrix = np.array([[1.0, 2.0]])
    assert CategoryCodes({0: ["a"]})(matrix) is matrix
