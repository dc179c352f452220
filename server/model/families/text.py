"""Text vectorizers: counts of the words or n-grams of a text, and what is computed from them.

Source: sklearn/feature_extraction/text.py (`_count_vocab`, `TfidfTransformer.transform`), _hash.py and
_hashing_fast.pyx, sklearn/utils/src/MurmurHash3.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from server.model.families.base import Check, Part
from server.model.families.compose import TRANSFORM
from server.model.families.murmur import hash_of
from server.model.families.scalers import normalized
from server.model.families.sparse_rows import SparseRows, dense_to_sparse
from server.model.families.state import MAX_WIDTH, Family, State, keys
from server.model.families.text_analysis import ANALYSIS_KEYS, analyzer_of
from server.short_steps import array_of

ONE_TEXT = "Iterable over raw text documents expected, string object received."

DTYPES: Mapping[str, Any] = {"numpy.int64": np.int64, "numpy.float64": np.float64, "builtins.float": np.float64}
"""Of counts, by the names that files have for them."""

DIAGONAL = ("scipy.sparse._csr.csr_matrix", "scipy.sparse._csr.csr_array")
"""How versions before 1.5 record the weights of terms: a matrix with them in its diagonal."""

TFIDF = "sklearn.feature_extraction.text.TfidfTransformer"


def counts(state: State) -> Part:
    """Return a CountVectorizer."""
    return _vectorizer(state, _counter(state))


def tfidf_vectorizer(state: State) -> Part:
    """Return a TfidfVectorizer: a CountVectorizer, and the TfidfTransformer that it was fitted with."""
    count, width = _counter(state), len(state.values["vocabulary_"])
    weigh = _weighting(state.inside("_tfidf", TFIDF_KEYS, TFIDF), width)
    return _vectorizer(state, lambda texts: weigh(_as_floats(count(texts))))


def tfidf_transformer(state: State) -> Part:
    """Return a TfidfTransformer of counts."""
    check, weigh = Check(state.name, sparse=True), _weighting(state, state.columns)

    def transform(X: Any) -> SparseRows:
        X = check(X)
        return weigh(_as_floats(X) if type(X) is SparseRows else dense_to_sparse(X))

    return replace(
        state.part(row_independent=True), methods={TRANSFORM: transform}, takes_sparse=True, gives_sparse=True
    )


def _vectorizer(state: State, rows: Callable[[Iterable[Any]], SparseRows]) -> Part:
    def transform(texts: Any) -> SparseRows:
        if isinstance(texts, str):
            raise ValueError(ONE_TEXT)  # noqa: TRY004 - as scikit-learn has it
        return rows(texts)

    return Part(state.name, {TRANSFORM: transform}, row_independent=True, gives_sparse=True)


def _dtype(state: State) -> Any:
    """Return the dtype of the counts."""
    found = DTYPES.get(state.function("dtype"))
    if found is None:
        raise state.unknown("dtype")
    return found


def _as_floats(X: SparseRows) -> SparseRows:
    return X if X.data.dtype == np.float64 else X.with_data(X.data.astype(np.float64))


# ---- counts of terms in a vocabulary


def _counter(state: State) -> Callable[[Iterable[Any]], SparseRows]:
    """Return the function that counts the terms of texts."""
    analyze, column_of = analyzer_of(state), _vocabulary(state)
    width, dtype, binary = len(column_of), _dtype(state), state.flag("binary")
    find = column_of.get

    def count(text: Any) -> dict[int, int]:
        found: dict[int, int] = {}
        for term in analyze(text):
            column = find(term)
            if column is not None:
                found[column] = found.get(column, 0) + 1
        return found

    return lambda texts: _rows(map(count, texts), width, dtype, binary=binary)


def _rows(counts: Iterable[Mapping[int, int]], width: int, dtype: Any, *, binary: bool) -> SparseRows:
    """Return a row for each text, of its counts by column; with `binary` ones in their place."""
    columns: list[int] = []
    values: list[int] = []
    starts = [0]
    for found in counts:
        ordered = sorted(found)
        columns += ordered
        values += [found[column] for column in ordered]
        starts.append(len(columns))
    data = np.ones(len(values), dtype) if binary else array_of(values, dtype)
    return SparseRows(data, array_of(columns, np.int64), array_of(starts, np.int64), width)


def _vocabulary(state: State) -> dict[str, int]:
    """Return the column of each term: each column has one."""
    found = state.values.get("vocabulary_")
    if type(found) is not dict or not 0 < len(found) <= MAX_WIDTH or not all(type(term) is str for term in found):
        raise state.unknown("vocabulary_")
    columns = [int(column) for column in found.values() if type(column) in (int, np.int64, np.int32)]
    if sorted(columns) != list(range(len(found))):
        raise state.unknown("vocabulary_")
    return dict(zip(found, columns, strict=True))


# ---- weights of terms


def _weighting(state: State, width: int) -> Callable[[SparseRows], SparseRows]:
    """Return the function from float64 counts to weighted and normalized rows."""
    logarithmic, norm = state.flag("sublinear_tf"), state.word("norm", None, "l1", "l2")
    weights = _idf(state, width) if state.flag("use_idf") else None

    def weigh(X: SparseRows) -> SparseRows:
        data = np.log(X.data) + 1.0 if logarithmic else X.data
        X = X.with_data(data if weights is None else data * weights[X.columns])
        return X if norm is None else normalized(X, norm)

    return weigh


def _idf(state: State, width: int) -> Any:
    """Return the weight of each term."""
    if "idf_" in state.values:
        return state.floats("idf_", width)
    matrix = state.record_of("_idf_diag", *DIAGONAL).state
    diagonal = matrix.get("data") if type(matrix) is dict else None
    if type(diagonal) is not np.ndarray or diagonal.dtype != np.float64 or diagonal.shape != (width,):
        raise state.unknown("_idf_diag")
    for key, expected in (("indices", np.arange(width)), ("indptr", np.arange(width + 1))):
        if not np.array_equal(matrix.get(key), expected):
            raise state.unknown("_idf_diag")
    return diagonal


# ---- hashed terms


def hashed(state: State) -> Part:
    """Return a HashingVectorizer."""
    analyze, width = analyzer_of(state), state.integer("n_features", 1)
    signed, binary, norm = state.flag("alternate_sign"), state.flag("binary"), state.word("norm", None, "l1", "l2")
    if _dtype(state) is not np.float64:
        raise state.unknown("dtype")

    def count(text: Any) -> dict[int, int]:
        found: dict[int, int] = {}
        for term in analyze(text):
            code = hash_of(term)
            column = abs(code) % width
            found[column] = found.get(column, 0) + (1 if code >= 0 or not signed else -1)
        return found

    def transform(texts: Iterable[Any]) -> SparseRows:
        X = _rows(map(count, texts), width, np.float64, binary=binary)
        return X if norm is None else normalized(X, norm)

    return _vectorizer(state, transform)


VOCABULARY_KEYS = (
    f"{ANALYSIS_KEYS} binary dtype max_df min_df max_features vocabulary vocabulary_ fixed_vocabulary_ stop_words_"
)
TFIDF_KEYS = keys("norm use_idf smooth_idf sublinear_tf idf_ _idf_diag")

FAMILIES: Mapping[str, Family] = {
    TFIDF: Family(tfidf_transformer, TFIDF_KEYS),
    "sklearn.feature_extraction.text.CountVectorizer": Family(counts, keys(VOCABULARY_KEYS)),
    "sklearn.feature_extraction.text.HashingVectorizer": Family(
        hashed, keys(f"{ANALYSIS_KEYS} n_features binary norm alternate_sign dtype")
    ),
    "sklearn.feature_extraction.text.TfidfVectorizer": Family(
        tfidf_vectorizer, keys(f"{VOCABULARY_KEYS} norm use_idf smooth_idf sublinear_tf _tfidf")
    ),
}
