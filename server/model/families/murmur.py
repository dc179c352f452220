"""MurmurHash3 (32 bits, seed 0) of a term, as HashingVectorizer computes it.

Source: Austin Appleby's MurmurHash3, which is in the public domain; sklearn/utils/src/MurmurHash3.cpp.
"""

from __future__ import annotations

from functools import lru_cache

BITS = 0xFFFFFFFF
FIRST, SECOND = 0xCC9E2D51, 0x1B873593


@lru_cache(maxsize=1 << 14)
def _hash_of_short(term: str) -> int:
    return _hash(term.encode())


MAX_REMEMBERED = 32
"""Characters of a term whose hash is remembered: clients send the same words again and again."""


def hash_of(term: str) -> int:
    """Return the hash as a signed number of 32 bits. Raise UnicodeEncodeError for what UTF-8 cannot write."""
    return _hash_of_short(term) if len(term) <= MAX_REMEMBERED else _hash(term.encode())


def _hash(data: bytes) -> int:
    state, whole = 0, len(data) & ~3
    for at in range(0, whole, 4):
        state ^= _mixed(int.from_bytes(data[at : at + 4], "little"))
        state = ((state << 13 | state >> 19) * 5 + 0xE6546B64) & BITS
    state ^= _mixed(int.from_bytes(data[whole:], "little"))
    state = _finished(state ^ len(data))
    return state - (1 << 32) if state >> 31 else state


def _mixed(word: int) -> int:
    word = word * FIRST & BITS
    return (word << 15 | word >> 17) * SECOND & BITS


def _finished(state: int) -> int:
    state = (state ^ state >> 16) * 0x85EBCA6B & BITS
    state = (state ^ state >> 13) * 0xC2B2AE35 & BITS
    return state ^ state >> 16
