"""Read the text in which LightGBM keeps a model: lines of `key=value`, for the whole model and for each tree.

Documented in LightGBM's src/io/gbdt_model_text.cpp and src/io/tree.cpp (`ToString`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np

from server.model.families.tree_walk import NODE
from server.model.pickledata.records import Unknown

VERSION = "v4"
CATEGORICAL, DEFAULT_LEFT = 1, 2
MISSING_BITS, MISSING_IS_ZERO, MISSING_IS_NAN = 2, 1, 2
NEARLY_ZERO = float(np.float32(1e-35))
"""LightGBM takes values up to this one as 0."""


@dataclass(frozen=True, slots=True)
class Text:
    """A model's text."""

    header: Mapping[str, str]
    """What is said of the whole model; a line without a value has ""."""
    trees: list[Mapping[str, str]]
    categories: str
    """The categories of a DataFrame, as JSON."""


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
    return Text(header, [dict(_pairs(tree.split("\n")[1:])) for tree in trees], categories)


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in takewhile(bool, lines):
        key, _, value = line.partition("=")
        yield key, value


def nodes_of(tree: Mapping[str, str]) -> Any:
    """Return a tree's nodes in the compiled routine's layout: the inner nodes first. They are not checked as a tree.

    Raises:
        Unknown: it has categories, linear leaves, or zeros that count as missing.
        ValueError, KeyError: it is not complete.

    """
    leaves = np.array(tree["leaf_value"].split(), np.float64)
    inner = len(leaves) - 1
    if tree.get("num_cat") != "0" or tree.get("is_linear", "0") != "0" or tree["num_leaves"] != str(len(leaves)):
        raise Unknown("a LightGBM tree with categories or linear leaves is not known as data")
    nodes = np.zeros(inner + len(leaves), NODE)
    nodes["is_leaf"][inner:], nodes["value"][inner:] = 1, leaves
    if not inner:
        return nodes
    kinds, thresholds = _integers(tree, "decision_type", inner), _thresholds(tree, inner)
    missing = kinds >> MISSING_BITS & 3
    if (kinds & CATEGORICAL).any() or (missing == MISSING_IS_ZERO).any():
        raise Unknown("a LightGBM tree with categories or missing zeros is not known as data")
    nodes["feature_idx"][:inner], nodes["num_threshold"][:inner] = _integers(tree, "split_feature", inner), thresholds
    # Where NaN does not count as missing, it is taken as 0.
    nodes["missing_go_to_left"][:inner] = np.where(
        missing == MISSING_IS_NAN, kinds & DEFAULT_LEFT != 0, thresholds >= 0
    )
    for side in ("left", "right"):
        children = _integers(tree, f"{side}_child", inner)
        places = np.where(children >= 0, children, inner + ~children)  # leaf i is -1 - i
        if places.max() >= len(nodes):
            raise Unknown("a LightGBM tree with other children is not known as data")
        nodes[side][:inner] = places
    return nodes


def _integers(tree: Mapping[str, str], key: str, count: int) -> Any:
    found = np.array([int(each) for each in tree[key].split()], np.int64)
    if found.shape != (count,):
        raise Unknown(f"a LightGBM tree with this {key} is not known as data")
    return found


def _thresholds(tree: Mapping[str, str], count: int) -> Any:
    """Return the thresholds, so that a value up to NEARLY_ZERO goes the way of 0."""
    found = np.array(tree["threshold"].split(), np.float64)
    if found.shape != (count,) or np.isnan(found).any() or (np.abs(found) < NEARLY_ZERO).any():
        raise Unknown("a LightGBM tree with this threshold is not known as data")
    return np.where(found == -NEARLY_ZERO, np.nextafter(-NEARLY_ZERO, -1), found)
