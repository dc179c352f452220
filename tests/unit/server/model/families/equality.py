"""Compare a part with the estimator that it was rebuilt from: every bit of every answer, and every refusal."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from server.inputs.named_table import NamedTable
from server.model.families.base import Part, Unsuited
from server.model.families.registry import part_of
from server.model.families.sparse_rows import SparseRows, dense_to_sparse
from server.model.pickledata.records import Unknown, as_record
from server.model.row_independence import batches_match_single_rows
from server.schema import METHODS

SINGLE_ROWS = 60
MANY_ROWS = 500


def hostile_matrices(like: Any, seed: int = 3) -> Iterator[Any]:
    """Yield matrices of many kinds, in the range of `like` (rows, columns) and far beyond it."""
    rng = np.random.default_rng(seed)
    width = like.shape[1]
    low, high = np.nanmin(like, axis=0), np.nanmax(like, axis=0)
    usual = lambda rows: rng.uniform(low - (high - low) / 4, high + (high - low) / 4, (rows, width))  # noqa: E731 - short
    for rows in (1, 7, 33, MANY_ROWS):
        yield usual(rows)
    yield like[:60].copy()
    yield np.round(usual(20))
    for value in (0.0, -0.0, 5e-324, -1e-310, 1e300, -1e300, 3.5e38, np.nan, np.inf, -np.inf):
        yield np.full((1, width), value)
        some = usual(9)
        some[rng.random(some.shape) < 0.2] = value
        yield some
    mixed = usual(9)
    mixed[2, 0], mixed[1, -1] = np.inf, np.nan
    yield mixed
    yield mixed[::-1].copy()
    for row in usual(SINGLE_ROWS):
        yield row.reshape(1, -1)
    yield np.asfortranarray(usual(12))
    yield np.asfortranarray(np.round(usual(12) * 3)).astype(np.int64, order="K")  # as the columns of a table


def assert_equal_to(estimator: Any, inputs: Sequence[Any], part: Part | None = None) -> None:
    """Raise AssertionError unless the part has all methods of the estimator and gives its very answers.

    `inputs` are what the estimator takes: matrices, DataFrames, lists. `part` defaults to the live estimator's.
    """
    part = part or part_of(estimator)
    assert set(part.methods) == {name for name in METHODS if hasattr(estimator, name)}
    assert set(part.direct) <= set(part.methods)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for number, X in enumerate(inputs):
            for name, method in part.methods.items():
                expected, found = outcome(getattr(estimator, name), X), outcome(method, as_given(X))
                assert same(expected, found), f"{name}, input {number}: {shown(expected)} != {shown(found)}"
                if name in part.direct and is_plain(X, part.width):
                    direct = outcome(part.direct[name], X)
                    if direct is not Unsuited:
                        assert same(expected, direct), f"direct {name}, input {number}"


def as_given(X: Any) -> Any:
    """Return the input as a part takes it: a DataFrame as a table of its columns, without pandas."""
    if not isinstance(X, pd.DataFrame):
        return X
    return NamedTable(tuple(X.columns), [X[name].to_numpy() for name in X.columns])


def is_plain(X: Any, width: int | None) -> bool:
    """Return whether a direct method may receive these rows."""
    return (
        type(X) is np.ndarray
        and X.dtype == np.float64
        and X.flags.c_contiguous
        and X.shape[1:] == (width,)
        and bool(np.isfinite(X).all())
    )


def outcome(call: Any, X: Any) -> Any:
    """Return the answer, or the type and the first line of the refusal. The input must not change."""
    given = X.copy() if hasattr(X, "copy") else X
    try:
        answer = call(X)
    except Unsuited:
        return Unsuited
    except Exception as error:  # noqa: BLE001 - any refusal is compared
        return (type(error).__name__, str(error).split("\n")[0])
    if isinstance(X, np.ndarray) and X.dtype != object:
        assert given.tobytes() == X.tobytes(), "the input was changed"
    return as_dense(answer)


def as_dense(answer: Any) -> Any:
    return answer.toarray() if isinstance(answer, SparseRows) or hasattr(answer, "tocsr") else answer


def same(expected: Any, found: Any) -> bool:
    """Return whether dtype, shape and every bit are equal; any NaN equals any NaN."""
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    if not (isinstance(expected, np.ndarray) and isinstance(found, np.ndarray)):
        return bool(type(expected) is type(found) and expected == found)
    if expected.dtype != found.dtype or expected.shape != found.shape:
        return False
    if expected.dtype == object:
        pairs = zip(expected.ravel(), found.ravel(), strict=True)
        return all(type(a) is type(b) and (a == b or (a != a and b != b)) for a, b in pairs)  # noqa: PLR0124 - NaN
    if expected.dtype.kind != "f":
        return bool((expected == found).all())
    nan = np.isnan(expected)
    return bool((nan == np.isnan(found)).all()) and expected[~nan].tobytes() == found[~nan].tobytes()


def shown(value: Any) -> str:
    return repr(value)[:300]


def assert_equal_on_sparse(estimator: Any, matrices: Sequence[Any]) -> None:
    """Raise AssertionError unless each answer to sparse rows is scikit-learn's, stored value by stored value."""
    part = part_of(estimator)
    assert part.takes_sparse
    for number, X in enumerate(matrices):
        for name, method in part.methods.items():
            call = getattr(estimator, name)
            expected, found = outcome(call, csr_matrix(X)), outcome(method, dense_to_sparse(X))
            assert same(expected, found), f"{name}, input {number}: {shown(expected)} != {shown(found)}"
            if not isinstance(expected, tuple) and not isinstance(answer := call(csr_matrix(X)), np.ndarray):
                stored = method(dense_to_sparse(X))
                assert stored.data.tobytes() == answer.data.tobytes()
                assert stored.columns.tolist() == answer.indices.tolist()
                assert stored.starts.tolist() == answer.indptr.tolist()


def sparse_matrices(like: Any, seed: int = 5) -> Iterator[Any]:
    """Yield finite matrices that are mostly zeros, some rows of them completely."""
    rng = np.random.default_rng(seed)
    for rows in (1, 1, 7, MANY_ROWS):
        X = like[rng.integers(0, len(like), rows)]
        X[rng.random(X.shape) < 0.7] = 0.0
        yield X
    yield np.zeros((2, like.shape[1]))
    yield np.full((1, like.shape[1]), np.nan)


REMOVED = object()
"""In place of a value: the state has no such attribute."""


def assert_unknown_with(estimator: Any, /, **changes: Any) -> None:
    """Raise AssertionError unless the estimator is unknown as soon as its state has these values."""
    record = as_record(deepcopy(estimator))
    part_of(record)
    record.state.update(changes)
    record.state = {key: value for key, value in record.state.items() if value is not REMOVED}
    with pytest.raises(Unknown):
        part_of(record)


def assert_unknown_with_each(estimator: Any, /, **changes: Any) -> None:
    """Raise AssertionError unless the estimator is unknown with each of these changes alone.

    A change is a new value, or a function from the present one to the new one.
    """
    state = as_record(estimator).state
    for key, change in changes.items():
        assert_unknown_with(estimator, **{key: change(state[key]) if callable(change) else change})


def assert_row_independent(estimator: Any, rows: Any) -> None:
    """Raise AssertionError unless the part says so, and gives each row the same bits, whatever rows are with it."""
    part = part_of(estimator)
    assert part.row_independent
    for methods in (part.methods, part.direct):
        for name, call in methods.items():
            assert batches_match_single_rows(call, rows[:33]), name
