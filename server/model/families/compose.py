"""Pipeline and FeatureUnion: estimators one after another, and next to each other.

Source: sklearn/pipeline.py (`Pipeline.predict`, `_can_transform`, `_transform_one`, `FeatureUnion._hstack`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from server.inputs.matrix import finite
from server.inputs.named_table import NamedTable
from server.model.families.base import Call, Part, Unsuited
from server.model.families.function_transformer import FUNCTION_KEYS, FUNCTION_TRANSFORMER
from server.model.families.sparse_rows import SparseRows, dense_to_sparse, side_by_side
from server.model.families.state import Family, State, keys
from server.model.pickledata.records import Unknown, as_record, name_of

FLOAT64 = np.dtype(np.float64)

TRANSFORM = "transform"

IDENTITY = Part("FunctionTransformer", {TRANSFORM: lambda X: X}, {TRANSFORM: lambda X: X}, row_independent=True)
"""A step that returns its input, of whatever kind it is."""


def built(state: State, value: Any) -> Part:
    """Return a transformer or estimator of a composition, `IDENTITY` for one that does nothing."""
    return IDENTITY if does_nothing(value) else state.build(value)


def does_nothing(value: Any) -> bool:
    """Return whether a step is "passthrough", or the FunctionTransformer that scikit-learn fits in its place."""
    if value is None or (type(value) is str and value == "passthrough"):
        return True
    if name_of(value) != FUNCTION_TRANSFORMER:
        return False
    step = State(as_record(value), FUNCTION_KEYS, _nothing_inside)
    return step.values.get("func") is None and not step.flag("validate", default=False)


def _nothing_inside(value: Any) -> Part:
    raise Unknown(f"{name_of(value)} in a FunctionTransformer is not known as data")


def named(state: State, key: str, length: int = 2) -> list[tuple[Any, ...]]:
    """Return a list of tuples of this length, each of which begins with a name of its own."""
    found = [tuple(each) for each in state.sequence(key) if type(each) in (tuple, list)]
    names = [each[0] for each in found if len(each) == length and type(each[0]) is str]
    if not names or len(names) < len(state.sequence(key)) or len(set(names)) < len(names):
        raise state.unknown(key)
    return found


def weights_of(state: State, names: Sequence[str]) -> list[Any]:
    """Return the weight of each transformer, None for those that have none."""
    found = state.values.get("transformer_weights")
    if found is None:
        return [None] * len(names)
    if type(found) is not dict or not set(found) <= set(names):
        raise state.unknown("transformer_weights")
    if any(type(weight) not in (int, float, np.float64, np.int64, type(None)) for weight in found.values()):
        raise state.unknown("transformer_weights")
    return [found.get(name) for name in names]


# ---- one after another ------------------------------------------------------------------------------------------


def pipeline(state: State) -> Part:
    """Return the last step's methods after the transformers before it."""
    state.must_be("transform_input", None)
    steps = [built(state, step) for _, step in named(state, "steps")]
    real = [step for step in steps if step is not IDENTITY]
    if not real or any(TRANSFORM not in step.methods for step in steps[:-1]):
        raise state.unknown("steps")
    last = real[-1]
    if steps[-1] is IDENTITY:
        methods, direct = only_transform(last.methods), only_transform(last.direct)
        last = replace(last, methods=methods, direct=direct, classes=None, lacks=frozenset())
    before = real[:-1]
    of_dense, of_sparse = _sparse_after([*before, last], sparse=False), _sparse_after([*before, last], sparse=True)
    if of_dense is None:
        raise Unknown(f"{state.name} with sparse rows for a part that takes none is not known as data")
    return replace(
        last,
        name="Pipeline",
        methods={name: chained([*before, last], call) for name, call in last.methods.items()},
        direct=_chained_directly([*before, last]),
        width=real[0].width,
        names=real[0].names,
        row_independent=all(step.row_independent for step in real),
        takes_sparse=of_sparse is not None,
        gives_sparse=of_dense,
        keeps_sparse=of_sparse is True,
    )


def only_transform(methods: Mapping[str, Call]) -> dict[str, Call]:
    """Return the method `transform` alone."""
    return {name: call for name, call in methods.items() if name == TRANSFORM}


def _sparse_after(parts: Sequence[Part], sparse: bool) -> bool | None:
    """Return whether the last part gives SparseRows, where the first one receives them or not.

    None: some part would receive them that does not take them.
    """
    for part in parts:
        if sparse and not part.takes_sparse:
            return None
        sparse = part.gives_sparse or (sparse and part.keeps_sparse)
    return sparse


def require_width(X: Any, part: Part) -> None:
    """Raise scikit-learn's ValueError unless the rows are as wide as the part takes them."""
    if part.width is not None and X.shape[1] != part.width:
        raise ValueError(f"X has {X.shape[1]} features, but {part.name} is expecting {part.width} features as input.")


def chained(parts: Sequence[Part], call: Call) -> Call:
    """Return a method of the last part, after the transforms of the parts before it."""
    transforms = [(part.methods[TRANSFORM], following) for part, following in pairwise(parts)]
    if not transforms:
        return call

    def transform_and_call(X: Any) -> Any:
        for transform, following in transforms:
            X = transform(X)
            require_width(X, following)
        return call(X)

    return transform_and_call


def _chained_directly(parts: Sequence[Part]) -> dict[str, Call]:
    """Return the direct methods of the last part, after direct transforms; none if one of these is missing."""
    if any(part.gives_sparse or TRANSFORM not in part.direct for part in parts[:-1]):
        return {}
    transforms = [(part.direct[TRANSFORM], following.width) for part, following in pairwise(parts)]
    return {name: _after(transforms, call) if transforms else call for name, call in parts[-1].direct.items()}


def require_plain(X: Any, width: int | None) -> None:
    """Raise `Unsuited` unless these are rows for a direct method.

    Huge numbers may exceed the range of a float, and a transform may give integers or another memory order.
    """
    if X.dtype != FLOAT64 or not X.flags.c_contiguous or X.shape[1] != width or not finite(X):
        raise Unsuited


def _after(transforms: Sequence[tuple[Call, int | None]], call: Call) -> Call:
    def transform_and_call(X: Any) -> Any:
        for transform, width in transforms:
            X = transform(X)
            require_plain(X, width)
        return call(X)

    return transform_and_call


# ---- next to each other -----------------------------------------------------------------------------------------


def union(state: State) -> Part:
    """Return the columns of several transformers of the same rows."""
    listed = named(state, "transformer_list")
    weights = weights_of(state, [name for name, _ in listed])
    used = [
        (built(state, value), weight) for (_, value), weight in zip(listed, weights, strict=True) if not is_drop(value)
    ]
    parts = [part for part, _ in used]
    real = [part for part in parts if part is not IDENTITY]
    if not real or len({part.width for part in real}) > 1 or any(TRANSFORM not in part.methods for part in parts):
        raise state.unknown("transformer_list")
    if any(part is IDENTITY and (weight is not None or real[0].width is None) for part, weight in used):
        raise state.unknown("transformer_weights")
    gives_sparse = any(part.gives_sparse for part in parts)
    put = beside if gives_sparse else dense_beside
    return Part(
        "FeatureUnion",
        {TRANSFORM: _united([(part.methods[TRANSFORM], weight) for part, weight in used], put)},
        {}
        if gives_sparse or any(TRANSFORM not in part.direct for part in parts)
        else {TRANSFORM: _united([(part.direct[TRANSFORM], weight) for part, weight in used], dense_beside)},
        width=real[0].width,
        names=real[0].names,
        row_independent=all(part.row_independent for part in parts),
        gives_sparse=gives_sparse,
    )


def is_drop(value: Any) -> bool:
    """Return whether this stands in place of an estimator that is left out."""
    return type(value) is str and value == "drop"


def _united(transforms: Sequence[tuple[Call, Any]], put: Callable[[list[Any]], Any]) -> Call:
    return lambda X: put([weighted(transform(X), weight) for transform, weight in transforms])


def weighted(X: Any, weight: Any) -> Any:
    """Return the rows times the weight; as they are if there is none."""
    if weight is None:
        return X
    return X.with_data(X.data * weight) if type(X) is SparseRows else X * weight


def dense_beside(blocks: list[Any]) -> Any:
    """Return the columns of all blocks, in the memory order that NumPy chooses for theirs.

    Raises:
        ValueError: a block has another number of dimensions or of rows.

    """
    return np.concatenate([block.to_numpy() if type(block) is NamedTable else block for block in blocks], axis=1)


def beside(blocks: list[Any]) -> SparseRows:
    """Return the columns of all blocks, as SparseRows."""
    return side_by_side([block if type(block) is SparseRows else dense_to_sparse(_numbers(block)) for block in blocks])


def _numbers(block: Any) -> Any:
    """Return a dense block as numbers, as SciPy needs it."""
    block = block.matrix() if type(block) is NamedTable else block
    return block.astype(np.float64) if block.dtype.kind == "O" else block


FAMILIES: Mapping[str, Family] = {
    "sklearn.pipeline.FeatureUnion": Family(
        union, keys("transformer_list n_jobs transformer_weights verbose verbose_feature_names_out")
    ),
    "sklearn.pipeline.Pipeline": Family(pipeline, keys("steps memory verbose transform_input")),
}
