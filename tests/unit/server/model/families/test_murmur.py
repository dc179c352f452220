"""The hash of a term is scikit-learn's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import murmurhash3_32

from server.model.families.murmur import hash_of


@given(st.text(max_size=80))
def test_hash_of_a_term_is_that_of_scikit_learn(term: str) -> None:
    assert hash_of(term) == murmurhash3_32(term)


@pytest.mark.parametrize("length", range(10))
def test_hash_of_each_length_is_that_of_scikit_learn(length: int) -> None:
    for term in ("\0" * length, "\xff" * length, "abcdefghi"[:length]):
        assert hash_of(term) == murmurhash3_32(term)


def test_hash_of_half_a_character_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        hash_of("\ud800")
