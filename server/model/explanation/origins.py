"""Which column of the input each column of a later step comes from, through the transformers in between.

Only transformers whose answer's columns each come from one column of their input are known. A PCA mixes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from server.model.explanation.unexplained import UnexplainedError
from server.model.families.compose import does_nothing, is_drop
from server.model.families.registry import part_of
from server.model.pickledata.records import Unknown, as_record, name_of


class Origin(NamedTuple):
    """Where a column comes from."""

    column: int | None
    """The position of a column of the input; None for a part of a row that has no columns."""
    item: str = ""
    """The word of a text, or the key of a dict."""


ONE_BY_ONE = frozenset(
    {
        "Binarizer",
        "MaxAbsScaler",
        "MinMaxScaler",
        "OrdinalEncoder",
        "PowerTransformer",
        "QuantileTransformer",
        "RobustScaler",
        "StandardScaler",
        "TfidfTransformer",
    }
)
"""Transformers that make one column of each."""

DROPS_COLUMNS = "it leaves out columns, or adds some that say where values were missing"


def origins_after(transformer: Any, origins: Sequence[Origin]) -> list[Origin]:
    """Return the origins of what a transformer returns, given those of what it receives.

    Raises:
        UnexplainedError: a column comes from several columns, or the transformer is not known.

    """
    if does_nothing(transformer):
        return list(origins)
    name = name_of(transformer)
    short = name.rpartition(".")[2]
    state = as_record(transformer).state if name.startswith("sklearn.") else None
    if type(state) is not dict:
        raise UnexplainedError(f"its step {short} is not known")
    if short in ONE_BY_ONE:
        return list(origins)
    if short == "TargetEncoder" and len(state.get("encodings_", ())) == len(origins):
        return list(origins)
    if name.startswith("sklearn.feature_selection."):
        return [origins[at] for at in _selected(transformer, len(origins))]
    follow = FOLLOWED.get(short)
    if follow is None:
        raise UnexplainedError(f"its step {short} mixes features, or may")
    return follow(state, origins)


def _selected(selector: Any, width: int) -> list[int]:
    """Return the columns that a selector keeps: it is given their numbers."""
    try:
        kept = part_of(selector).methods["transform"](np.arange(width, dtype=np.float64)[np.newaxis])
    except Unknown as error:
        raise UnexplainedError(f"its step {name_of(selector).rpartition('.')[2]} is not known") from error
    return [int(at) for at in np.ravel(kept)]


def _imputer(state: dict[str, Any], origins: Sequence[Origin]) -> list[Origin]:
    statistics = np.asarray(state["statistics_"], object)
    empty = any(value is None or value != value for value in statistics)  # noqa: PLR0124 - NaN alone differs
    if state.get("add_indicator") or (empty and not state.get("keep_empty_features")):
        raise UnexplainedError(f"its step SimpleImputer is not known: {DROPS_COLUMNS}")
    return list(origins)


def _one_hot(state: dict[str, Any], origins: Sequence[Origin]) -> list[Origin]:
    return [origin for origin, count in zip(origins, state["_n_features_outs"], strict=True) for _ in range(count)]


def _words(state: dict[str, Any], origins: Sequence[Origin]) -> list[Origin]:
    """Return the words of a vectorizer, which reads one column of texts, or rows that are texts."""
    column = origins[0].column if len(origins) == 1 else None
    words = sorted(state["vocabulary_"], key=state["vocabulary_"].__getitem__)
    return [Origin(column, str(word)) for word in words]


def _keys(state: dict[str, Any], _: Sequence[Origin]) -> list[Origin]:
    """Return the keys of a DictVectorizer. It makes a column of each text that a key had."""
    return [Origin(None, str(name).partition(state["separator"])[0]) for name in state["feature_names_"]]


def _pipeline(state: dict[str, Any], origins: Sequence[Origin]) -> list[Origin]:
    for _, step in state["steps"]:
        origins = origins_after(step, origins)
    return list(origins)


def _columns(state: dict[str, Any], origins: Sequence[Origin]) -> list[Origin]:
    indices = state["_transformer_to_input_indices"]
    return [
        origin
        for name, step, _ in state["transformers_"]
        if not is_drop(step) and indices[name]
        for origin in origins_after(step, [origins[at] for at in indices[name]])
    ]


def _union(state: dict[str, Any], origins: Sequence[Origin]) -> list[Origin]:
    return [
        origin for _, step in state["transformer_list"] if not is_drop(step) for origin in origins_after(step, origins)
    ]


FOLLOWED = {
    "ColumnTransformer": _columns,
    "CountVectorizer": _words,
    "DictVectorizer": _keys,
    "FeatureUnion": _union,
    "OneHotEncoder": _one_hot,
    "Pipeline": _pipeline,
    "SimpleImputer": _imputer,
    "TfidfVectorizer": _words,
}
