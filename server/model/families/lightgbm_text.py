"""Read the text in which LightGBM keeps a model: lines of `key=value`, for the whole model and for each tree.

Documented in LightGBM's src/io/gbdt_model_text.cpp and src/io/tree.cpp (`ToString`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, takewhile
from typing import Any

import numpy as np

from server.model.families.tree_walk import NODE
from server.model.pickledata.records import Unknown

VERSION = "v4"
CATEGORICAL, DEFAULT_LEFT = 1, 2
MISSING_BITS, MISSING_IS_ZERO, MISSING_IS_NAN = 2, 1, 2
NEARLY_ZERO = float(np.float32(1e-35))
"""LightGBM takes values up to this one as 0."""
MAX_COMBINATIONS = 10_000
"""Choices of columns that are compared with the categories."""


@dataclass(frozen=True, slots=True)
class Text:
    """A model's text."""

    header: Mapping[str, str]
    """What is said of the whole model; a line without a value has ""."""
    trees: list[Mapping[str, str]]
    categories: str
    """The categories of a DataFrame, as JSON."""
    whole: str
    """The text itself."""


def read_text(text: str) -> Text:
    """Return what stands in a model's text.

    Raises:
        Unknown: it is not of the known version, or not complete.

    """
    body, end, rest = text.partition("\nend of trees\n")
    first, *trees = body.split("\nTree=")
    kind, *lines = first.split("\n")
    header = dict(_pairs(lines))
    if kind != "tree" or not end or header.get("version") != VERSION:
        raise Unknown("a LightGBM model of another version is not known as data")
    categories = rest.rpartition("\npandas_categorical:")[2].strip()
    return Text(header, [dict(_pairs(tree.split("\n")[1:])) for tree in trees], categories, text)


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in takewhile(bool, lines):
        key, _, value = line.partition("=")
        yield key, value


def nodes_of(tree: Mapping[str, str]) -> tuple[Any, dict[int, Any]]:
    """Return a tree's nodes in the compiled routine's layout, the inner nodes first, and the categories that go left.

    The categories are an array for each number of a node that branches on them. The nodes are not checked as a tree,
    but all children are nodes.

    Raises:
        Unknown: it has linear leaves, or zeros that count as missing.
        ValueError, KeyError: it is not complete.

    """
    leaves = np.array(tree["leaf_value"].split(), np.float64)
    inner = len(leaves) - 1
    if tree.get("is_linear", "0") != "0" or tree["num_leaves"] != str(len(leaves)):
        raise Unknown("a LightGBM tree with linear leaves is not known as data")
    nodes = np.zeros(inner + len(leaves), NODE)
    nodes["is_leaf"][inner:], nodes["value"][inner:] = 1, leaves
    if not inner:
        return nodes, {}
    kinds = _integers(tree, "decision_type", inner)
    branches, missing = kinds & CATEGORICAL != 0, kinds >> MISSING_BITS & 3
    if (missing[~branches] == MISSING_IS_ZERO).any():
        raise Unknown("a LightGBM tree with missing zeros is not known as data")
    thresholds = np.array(tree["threshold"].split(), np.float64)
    if thresholds.shape != (inner,):
        raise Unknown("a LightGBM tree with this threshold is not known as data")
    sets = _sets(tree, np.flatnonzero(branches), thresholds)
    thresholds = _moved(np.where(branches, 0, thresholds), ~branches)
    nodes["feature_idx"][:inner], nodes["num_threshold"][:inner] = _integers(tree, "split_feature", inner), thresholds
    # Where NaN does not count as missing, it is taken as 0. Among categories it always goes right.
    to_left = np.where(missing == MISSING_IS_NAN, kinds & DEFAULT_LEFT != 0, thresholds >= 0)
    nodes["missing_go_to_left"][:inner] = ~branches & to_left
    for side in ("left", "right"):
        children = _integers(tree, f"{side}_child", inner)
        places = np.where(children >= 0, children, inner + ~children)  # leaf i is -1 - i
        if places.max() >= len(nodes):
            raise Unknown("a LightGBM tree with other children is not known as data")
        nodes[side][:inner] = places
    return nodes, sets


def _integers(tree: Mapping[str, str], key: str, count: int) -> Any:
    found = np.array([int(each) for each in tree[key].split()], np.int64)
    if found.shape != (count,):
        raise Unknown(f"a LightGBM tree with this {key} is not known as data")
    return found


def _moved(thresholds: Any, numeric: Any) -> Any:
    """Return the thresholds, so that a value up to NEARLY_ZERO goes the way of 0."""
    if np.isnan(thresholds).any() or (np.abs(thresholds[numeric]) < NEARLY_ZERO).any():
        raise Unknown("a LightGBM tree with this threshold is not known as data")
    return np.where(thresholds == -NEARLY_ZERO, np.nextafter(-NEARLY_ZERO, -1), thresholds)


# ---- categories -------------------------------------------------------------------------------------------------


def _sets(tree: Mapping[str, str], branches: Any, thresholds: Any) -> dict[int, Any]:
    """Return the categories that go left at each of these nodes. A node's threshold is the number of its set."""
    count = int(tree.get("num_cat", "0"))
    numbers = thresholds[branches].tolist()
    if sorted(numbers) != list(range(count)):
        raise Unknown("a LightGBM tree with this num_cat is not known as data")
    if not count:
        return {}
    ends = _integers(tree, "cat_boundaries", count + 1).tolist()
    words = np.array([int(each) for each in tree["cat_threshold"].split()], np.uint32)
    if ends[0] != 0 or ends[-1] != len(words) or any(end < start for start, end in pairwise(ends)):
        raise Unknown("a LightGBM tree with this cat_boundaries is not known as data")
    return {
        node: np.flatnonzero(np.unpackbits(words[ends[at] : ends[at + 1]].view(np.uint8), bitorder="little"))
        for node, at in zip(branches.tolist(), map(int, numbers), strict=True)
    }


def positions_of_categories(model: str, categories: Sequence[Sequence[Any]]) -> list[int] | None:
    """Return the column of each list of categories by the text of a model; None if it does not say which.

    The lists stand in the order of the columns. The text declares the columns without an order of their categories. A
    column of ordered categories is one of their codes to LightGBM, and only the range of its values shows it.
    """
    declared = re.search(r"^\[categorical_feature: ([\d,]+)\]", model, re.MULTILINE)
    unordered = {int(position) for position in declared[1].split(",")} if declared else set[int]()
    ordered = len(categories) - len(unordered)
    infos = re.search(r"^feature_infos=(.*)$", model, re.MULTILINE)
    ranges = [_range_of(info) for info in infos[1].split(" ")] if infos else []
    longest = max(map(len, categories))
    codes = [at for at, found in enumerate(ranges) if at not in unordered and found and found[1] < longest]
    if ordered < 0 or math.comb(len(codes), ordered) > MAX_COMBINATIONS:
        return None
    possible = [sorted((*unordered, *chosen)) for chosen in combinations(codes, ordered)]
    fitting = [
        each
        for each in possible
        if all(at in unordered or _fits(ranges[at], values) for at, values in zip(each, categories, strict=True))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _range_of(info: str) -> tuple[int, int] | None:
    """Return the least and the largest value of a feature if both are codes of categories."""
    found = re.fullmatch(r"\[(\d+):(\d+)\]", info)
    return (int(found[1]), int(found[2])) if found else None


def _fits(found: tuple[int, int] | None, categories: Sequence[Any]) -> bool:
    """Return whether a feature's values are the codes of these categories, all of which usually occur."""
    return found == (0, len(categories) - 1)
