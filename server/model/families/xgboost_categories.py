"""The columns of categories that an XGBoost model was trained on: their types, and since 3.1 their values.

Source: XGBoost's src/data/cat_container.cc (`CatContainer::Save`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np


def column_types(learner: Mapping[str, Any]) -> Sequence[str]:
    """Return the type of each column, "c" for categories; () where the model was trained without types."""
    return tuple(learner.get("feature_types", ()))


def known_categories(learner: Mapping[str, Any]) -> dict[int, list[Any]]:
    """Return the categories of the columns whose values the model keeps, in the order of their codes."""
    cats = learner["gradient_booster"].get("model", {}).get("cats", {})
    return {position: _decoded(encoding) for position, encoding in enumerate(cats.get("enc", ()))}


def _decoded(encoding: Mapping[str, Any]) -> list[Any]:
    """Return one column's categories: numbers, or strings as the bytes of all with the offsets of each.

    XGBoost counts characters where it should count bytes, so that strings beyond ASCII cannot be told apart.
    """
    values = np.asarray(encoding["values"])
    if "offsets" not in encoding:
        return list(values.tolist())
    if ((values < 0) | (values >= 128)).any():  # noqa: PLR2004 - ASCII
        return []
    text = values.astype(np.uint8).tobytes().decode()
    return [text[start:end] for start, end in pairwise(encoding["offsets"])]
