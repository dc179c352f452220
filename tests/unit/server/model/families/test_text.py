"""Text vectorizers as data give the answers of scikit-learn, stored value by stored value."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import text
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline

from server.model.families.registry import part_of
from server.model.families.text_analysis import english_stop_words
from server.model.pickledata.records import Name, Unknown, as_record
from tests.unit.server.model.families.equality import (
    REMOVED,
    as_given,
    assert_equal_on_sparse,
    assert_equal_to,
    assert_unknown_with,
    outcome,
    same,
    sparse_matrices,
)

TEXTS = [
    "The cat sat on the mat, and the mat was flat.",
    "A dog; a DOG! And a café in Zürich\u2028with naïve ﬁsh",
    "x",
    "",
    "  spaces \t\n and\u00a0more   spaces  ",
    "snake_case 3.14 1e5 don't re-use it's",
    "İstanbul ß ǅ Ελληνικά 漢字 かな क्षि 🙂🙂 é",
    "the the the cat cat and or but",
    "aa bb aa bb cc",
]
MORE = [*TEXTS, "an unknown word", "cat " * 50, "MAT\x00mat", "e\u0301 é È", "\ud800 lone"]

ANALYSES: dict[str, dict[str, Any]] = {
    "default": {},
    "as it is": {"lowercase": False},
    "two words": {"ngram_range": (1, 2)},
    "two to three words": {"ngram_range": (2, 3)},
    "characters": {"analyzer": "char", "ngram_range": (1, 3)},
    "two characters": {"analyzer": "char", "ngram_range": (2, 2)},
    "characters of words": {"analyzer": "char_wb", "ngram_range": (1, 4)},
    "longer characters of words": {"analyzer": "char_wb", "ngram_range": (5, 7)},
    "without accents": {"strip_accents": "unicode"},
    "ascii": {"strip_accents": "ascii", "analyzer": "char_wb", "ngram_range": (2, 3)},
    "without English": {"stop_words": "english"},
    "without English, two words": {"stop_words": "english", "ngram_range": (1, 2)},
    "without some": {"stop_words": ["the", "dog"]},
    "short words": {"token_pattern": r"(?u)\b\w+\b"},
    "parts": {"token_pattern": r"\S+"},
}
WEIGHTS: dict[str, dict[str, Any]] = {
    "l1": {"norm": "l1"},
    "unnormalized": {"norm": None},
    "without idf": {"use_idf": False},
    "unsmoothed": {"smooth_idf": False},
    "logarithmic": {"sublinear_tf": True},
    "binary": {"binary": True},
    "few": {"max_features": 4, "min_df": 1},
}
VECTORIZERS: dict[str, Any] = {
    **{f"counts, {name}": text.CountVectorizer(**options) for name, options in ANALYSES.items()},
    **{f"tfidf, {name}": text.TfidfVectorizer(**options) for name, options in [*ANALYSES.items(), *WEIGHTS.items()]},
    **{f"hashes, {name}": text.HashingVectorizer(n_features=97, **options) for name, options in ANALYSES.items()},
    "binary counts": text.CountVectorizer(binary=True),
    "counts as floats": text.CountVectorizer(dtype=np.float64),
    "counts of a vocabulary": text.CountVectorizer(vocabulary=["cat", "mat", "zebra"]),
    "tfidf of a vocabulary": text.TfidfVectorizer(vocabulary={"mat": 1, "cat": 0}),
    "binary hashes": text.HashingVectorizer(n_features=10, binary=True),
    "unsigned hashes": text.HashingVectorizer(n_features=10, alternate_sign=False, norm="l1"),
    "unnormalized hashes": text.HashingVectorizer(n_features=2, norm=None),
    "many hashes": text.HashingVectorizer(),
}


@cache
def fitted(name: str) -> Any:
    return VECTORIZERS[name].fit(TEXTS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", VECTORIZERS)
def test_part_of_a_vectorizer_gives_the_answers_of_scikit_learn(name: str) -> None:
    estimator = fitted(name)
    transform = part_of(estimator).methods["transform"]
    texts = [each for each in MORE if name.startswith("counts") or "\ud800" not in each]
    for given in (texts, [texts[0]], [""], *([each] for each in texts), np.array(texts, dtype=object)):
        expected, found = estimator.transform(given), transform(given)
        assert found.shape == expected.shape
        assert (found.data.dtype, found.data.tobytes()) == (expected.data.dtype, expected.data.tobytes())
        assert found.columns.tolist() == expected.indices.tolist()
        assert found.starts.tolist() == expected.indptr.tolist()
        if expected.shape[1] < 1000:
            assert same(expected.toarray(), found.toarray())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", ["counts, default", "tfidf, as it is", "hashes, without accents", "hashes, characters"]
)
@pytest.mark.parametrize("given", ["one text", [np.nan], [None], [1.5], ["ok", float("nan")], [["list"]], [()]])
def test_part_of_a_vectorizer_refuses_what_is_no_text_as_scikit_learn(name: str, given: Any) -> None:
    estimator = fitted(name)
    assert outcome(part_of(estimator).methods["transform"], given) == outcome(estimator.transform, given)


LABELS = ["a", "b", "a", "b", "a", "b", "a", "b", "b"]


@pytest.mark.parametrize(
    "vectorizer",
    [
        text.TfidfVectorizer(sublinear_tf=True),
        text.CountVectorizer(),
        make_pipeline(text.CountVectorizer(), text.TfidfTransformer()),
        text.HashingVectorizer(n_features=64),
        FeatureUnion([("a", text.CountVectorizer()), ("b", text.TfidfVectorizer(analyzer="char"))]),
        FeatureUnion([("a", text.TfidfVectorizer())], transformer_weights={"a": 0.3}),
    ],
)
def test_pipeline_of_a_vectorizer_gives_the_answers_of_scikit_learn(vectorizer: Any) -> None:
    texts = [each for each in MORE if "\ud800" not in each]
    for labels in (LABELS, ["c", *LABELS[1:]]):
        model = make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, labels)
        assert_equal_to(model, [texts, texts[:1], *([each] for each in texts), np.array(texts, dtype=object)])


def test_column_transformer_of_texts_and_numbers_gives_the_answers_of_scikit_learn() -> None:
    frame = pd.DataFrame({"text": TEXTS, "more": TEXTS[::-1], "size": [len(each) for each in TEXTS]})
    columns = [
        ("t", text.TfidfVectorizer(), "text"),
        ("m", text.CountVectorizer(), "more"),
        ("n", "passthrough", ["size"]),
    ]
    for threshold in (0.0, 1.0):
        stack = ColumnTransformer(columns, sparse_threshold=threshold).fit(frame)
        assert part_of(stack).gives_sparse == bool(threshold)
        assert_equal_to(stack, [frame, frame[:1].copy(), frame[3:4].copy()])
        model = make_pipeline(stack, LogisticRegression()).fit(frame, LABELS)
        assert_equal_to(model, [frame, frame[:1].copy(), frame[3:4].copy()])
    by_position = ColumnTransformer([("t", text.TfidfVectorizer(), 0)]).fit(frame.to_numpy())
    found = part_of(by_position).methods["transform"](frame.to_numpy())
    assert same(by_position.transform(frame.to_numpy()).toarray(), found.toarray())
    assert as_given(frame).columns[0].dtype == object


@pytest.mark.parametrize("options", [{}, *WEIGHTS.values()][:6])
def test_part_of_a_tfidf_transformer_gives_the_answers_of_scikit_learn(options: dict[str, Any]) -> None:
    counts = np.random.default_rng(3).poisson(0.7, (30, 5)).astype(float)
    transformer = text.TfidfTransformer(**options).fit(counts)
    assert_equal_on_sparse(transformer, list(sparse_matrices(counts)))
    assert_equal_to(
        transformer, [counts, counts[:1], counts[:3].astype(int), np.full((2, 5), np.nan), np.full((2, 5), np.inf)]
    )


def test_part_of_a_tfidf_transformer_saved_by_1_4_reads_its_diagonal() -> None:
    transformer = text.TfidfTransformer().fit(np.eye(4) + 1)
    record = as_record(transformer)
    idf = record.state["idf_"]
    old = {key: value for key, value in record.state.items() if key != "idf_"}
    record.state = {**old, "_idf_diag": sparse.diags(idf, offsets=0, shape=(4, 4), format="csr", dtype=np.float64)}
    assert_equal_to(transformer, [np.eye(4), np.ones((2, 4))], part_of(record))
    for diagonal in (idf, sparse.csr_matrix(np.ones((4, 4))), sparse.diags(idf[:3], format="csr"), None):
        record.state = {**old, "_idf_diag": diagonal}
        with pytest.raises(Unknown):
            part_of(record)


def test_english_stop_words_are_those_of_scikit_learn() -> None:
    assert english_stop_words() == text.ENGLISH_STOP_WORDS


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("counts, default", {"vocabulary_": REMOVED}),
        ("counts, default", {"vocabulary_": {}}),
        ("counts, default", {"vocabulary_": {"a": 0, "b": 2}}),
        ("counts, default", {"vocabulary_": {"a": 0, "b": 0}}),
        ("counts, default", {"vocabulary_": {"a": -1, "b": 0}}),
        ("counts, default", {"vocabulary_": {"a": 0.0}}),
        ("counts, default", {"vocabulary_": {1: 0}}),
        ("counts, default", {"vocabulary_": ["a"]}),
        ("counts, default", {"dtype": np.float32}),
        ("counts, default", {"dtype": Name("os.system")}),
        ("counts, default", {"binary": None}),
        ("counts, default", {"input": "filename"}),
        ("counts, default", {"preprocessor": str.lower}),
        ("counts, default", {"tokenizer": Name("builtins.list")}),
        ("counts, default", {"analyzer": Name("builtins.list")}),
        ("counts, default", {"analyzer": "line"}),
        ("counts, default", {"token_pattern": r"(a+)+$"}),
        ("counts, default", {"token_pattern": None}),
        ("counts, default", {"strip_accents": "all"}),
        ("counts, default", {"lowercase": 1}),
        ("counts, default", {"ngram_range": (0, 1)}),
        ("counts, default", {"ngram_range": (2, 1)}),
        ("counts, default", {"ngram_range": (1, 10**6)}),
        ("counts, default", {"ngram_range": (1.0, 2)}),
        ("counts, default", {"ngram_range": 1}),
        ("counts, default", {"stop_words": "german"}),
        ("counts, default", {"stop_words": [1]}),
        ("counts, default", {"another": 1}),
        ("tfidf, default", {"_tfidf": REMOVED}),
        ("tfidf, default", {"_tfidf": LogisticRegression()}),
        ("tfidf, default", {"_tfidf": text.TfidfTransformer().fit(np.eye(3))}),
        ("tfidf, default", {"_tfidf": text.TfidfTransformer()}),
        ("hashes, default", {"n_features": 0}),
        ("hashes, default", {"n_features": 2**40}),
        ("hashes, default", {"norm": "l3"}),
        ("hashes, default", {"dtype": np.float32}),
        ("hashes, default", {"alternate_sign": "no"}),
    ],
)
def test_part_of_a_vectorizer_with_another_state_is_unknown(name: str, changes: Any) -> None:
    assert_unknown_with(fitted(name), **changes)
