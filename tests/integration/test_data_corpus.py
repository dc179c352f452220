"""Model files of every known version of scikit-learn, read as data, give the answers of the version that saved them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from dev import venvs
from server.schema import METHODS
from tests.corpus import make, store, table, versions
from tests.corpus.compare import Compared, difference
from tests.corpus.verdict import Verdict, verdict

PROMISED_SHARE = 0.95
"""Of the files of the image's version."""


@pytest.fixture(scope="module")
def found() -> Mapping[str, list[Compared]]:
    """Return the comparisons of all versions. A version whose environment cannot be created fails the tests."""
    try:
        return store.all_compared()
    except (venvs.VenvUnavailable, store.NotMade) as error:
        pytest.fail(str(error), pytrace=False)


def test_files_read_as_data_give_the_answers_of_the_version_that_saved_them(
    found: Mapping[str, list[Compared]],
) -> None:
    assert not table.wrong(found), "\n".join(table.wrong(found))


@pytest.mark.parametrize("version", versions.ALL)
def test_corpus_has_files_of_every_group(found: Mapping[str, list[Compared]], version: str) -> None:
    groups = {each.group for each in found[versions.LOCKED]}
    assert {each.group for each in found[version]} == groups
    assert len(found[version]) > 250
    assert all(each.answers for each in found[version] if not each.unknown)


def test_corpus_asks_every_served_method() -> None:
    index = json.loads((store.corpus(versions.LOCKED) / "INDEX.json").read_text())
    assert make.METHODS == METHODS
    assert index["failed"] == {}


def test_share_of_files_read_as_data_is_the_promised_one(found: Mapping[str, list[Compared]]) -> None:
    unknown = [f"{each.name}: {each.unknown}" for each in found[versions.LOCKED] if each.unknown]
    assert table.share(found, versions.LOCKED) >= PROMISED_SHARE, "\n".join(unknown)


A, B = np.array([[1.0, np.nan, 0.0]]), np.array(["a", "b"])


@pytest.mark.parametrize(
    ("other", "words", "worst"),
    [
        (A.copy(), "", 0.0),
        (np.array([[1.0, -np.nan, 0.0]]), "", 0.0),
        (np.array([[1.0, np.nan, -0.0]]), "", 5e-324),
        (np.array([[1.0, np.nan, 1e-9]]), "", 1e-9),
        (np.array([[1.0, np.inf, 0.0]]), "NaN or infinity elsewhere", 0.0),
        (A[0], "expected float64(1, 3), got float64(3,)", 0.0),
        (A.astype(np.float32), "expected float64(1, 3), got float32(1, 3)", 0.0),
        (("error", "ValueError", "no"), "expected ndarray(1, 3), got ValueError no", 0.0),
        ([A], "expected ndarray(1, 3), got list(1, 1, 3)", 0.0),
    ],
)
def test_difference_of_an_answer(other: Any, words: str, worst: float) -> None:
    assert difference(A, other) == (words, worst)


def test_difference_of_labels_errors_and_lists() -> None:
    assert difference(B, B[::-1]) == ("2 of 2 values are others", 0.0)
    assert difference(B.astype(object), np.array(["a", 1], dtype=object)) == ("1 of 2 values are others", 0.0)
    assert difference(("error", "A", "x"), ("error", "A", "y")) == ("expected A x, got A y", 0.0)
    assert difference([A, A], [A, np.array([[1.0, np.nan, 1e-9]])]) == ("", 1e-9)


def test_verdict_allows_other_bits_for_older_versions_only() -> None:
    near, far = (Compared("a file", "a group", answers=1, worst=worst) for worst in (1e-16, 1e-3))
    assert verdict("1.9.1", near, locked=True) is Verdict.DIFFERENT
    assert verdict("1.3.2", near, locked=False) is Verdict.CLOSE
    assert verdict("1.3.2", far, locked=False) is Verdict.DIFFERENT


def test_verdict_allows_no_difference_that_is_not_explained() -> None:
    line = "predict_proba, huge: NaN or infinity elsewhere"
    explained = Compared("SGDClassifier, log_loss, three", "a group", answers=1, different=[line])
    assert verdict("1.3.2", explained, locked=False) is Verdict.EXPLAINED
    assert verdict("1.9.1", explained, locked=True) is Verdict.DIFFERENT
    other = Compared("Ridge", "a group", answers=1, different=[line])
    assert verdict("1.3.2", other, locked=False) is Verdict.DIFFERENT
