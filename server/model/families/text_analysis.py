"""From a text to its tokens or n-grams, as scikit-learn's text vectorizers take it apart.

Source: sklearn/feature_extraction/text.py (`_VectorizerMixin`). A file's own regular expression is used only if it is
in a closed list: another could take minutes for one short text.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable, Collection
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import numpy as np

from server.model.families.state import State
from server.model.pickledata.records import Unknown

Analyzer = Callable[[Any], list[str]]

MAX_NGRAM = 32
"""Tokens or characters. The n-grams of a text of n characters take up to n times this number."""

TOKEN_PATTERNS = frozenset(
    prefix + pattern
    for prefix in ("", "(?u)")
    for pattern in (
        *(r"\b\w\w+\b", r"\b\w+\b", r"\b\w\w\w+\b", r"\b\w{1,}\b", r"\b\w{2,}\b", r"\b\w{3,}\b"),
        *(r"\w+", r"\w\w+", r"\w{1,}", r"\w{2,}", r"\w{3,}", r"\S+", r"[^\s]+", r"[^ ]+", r"."),
        *(r"\b[a-zA-Z]+\b", r"\b[a-zA-Z]{2,}\b", r"\b[a-zA-Z]{3,}\b", r"[a-zA-Z]+", r"[a-zA-Z]{2,}", r"[a-zA-Z]{3,}"),
        *(r"\b[a-z]+\b", r"[a-z]+", r"\b[a-zA-Z0-9]+\b", r"[a-zA-Z0-9]+", r"[A-Za-z]+", r"\b[A-Za-z]+\b"),
    )
)
"""Regular expressions that take time in proportion to the text."""

SPACES = re.compile(r"\s\s+")

NAN_IS_NO_TEXT = "np.nan is an invalid document, expected byte or unicode string."

ANALYSIS_KEYS = (
    "input encoding decode_error strip_accents lowercase preprocessor tokenizer stop_words token_pattern ngram_range"
    " analyzer _stop_words_id"
)


def analyzer_of(state: State) -> Analyzer:
    """Return the function that splits a text into terms.

    Raises:
        Unknown: the vectorizer reads files, or uses a function of its own.

    """
    state.word("input", "content")
    for key in ("preprocessor", "tokenizer"):
        if state.values.get(key) is not None:
            raise state.unknown(key)
    prepare = _preparation(state)
    kind, sizes = state.word("analyzer", "word", "char", "char_wb"), _ngram_range(state)
    if kind == "word":
        return _words(state, prepare, sizes)
    split = _characters if kind == "char" else _characters_in_words
    return lambda text: split(prepare(text), *sizes)


def _ngram_range(state: State) -> tuple[int, int]:
    found: Any = state.values.get("ngram_range")
    if type(found) not in (tuple, list) or len(found) != 2 or not all(type(size) is int for size in found):  # noqa: PLR2004 - least and most
        raise state.unknown("ngram_range")
    least, most = found
    if not 1 <= least <= most <= MAX_NGRAM:
        raise state.unknown("ngram_range")
    return least, most


def _preparation(state: State) -> Callable[[Any], Any]:
    """Return the function that prepares a text before it is split."""
    lower = state.flag("lowercase")
    strip = {None: None, "ascii": strip_to_ascii, "unicode": strip_accents}[
        state.word("strip_accents", None, "ascii", "unicode")
    ]

    def prepare(text: Any) -> Any:
        if text is np.nan:  # noqa: PLW0177 - scikit-learn compares the object
            raise ValueError(NAN_IS_NO_TEXT)
        text = text.lower() if lower else text
        return text if strip is None else strip(text)

    return prepare


def strip_accents(text: str) -> str:
    """Return the text without the accents that Unicode can write as signs of their own."""
    if text.isascii():
        return text
    return "".join([sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign)])


def strip_to_ascii(text: str) -> str:
    """Return the ASCII characters of the text, without accents."""
    return unicodedata.normalize("NFKD", text).encode("ASCII", "ignore").decode("ASCII")


# ---- words


def _words(state: State, prepare: Callable[[Any], Any], sizes: tuple[int, int]) -> Analyzer:
    pattern = state.values.get("token_pattern")
    if type(pattern) is not str or pattern not in TOKEN_PATTERNS:
        raise state.unknown("token_pattern")
    find, stop = re.compile(pattern).findall, _stop_words(state)

    def analyze(text: Any) -> list[str]:
        tokens: list[str] = find(prepare(text))
        if stop is not None:
            tokens = [token for token in tokens if token not in stop]
        return tokens if sizes[1] == 1 else _ngrams(tokens, *sizes)

    return analyze


def _ngrams(tokens: list[str], least: int, most: int) -> list[str]:
    """Return the n-grams of tokens, the shortest first."""
    found = list(tokens) if least == 1 else []
    for size in range(max(least, 2), min(most, len(tokens)) + 1):
        found += [" ".join(tokens[at : at + size]) for at in range(len(tokens) - size + 1)]
    return found


def _stop_words(state: State) -> Collection[str] | None:
    found: Any = state.values.get("stop_words")
    if found is None:
        return None
    if type(found) is str:
        state.word("stop_words", "english")
        return english_stop_words()
    if type(found) is np.ndarray and found.ndim == 1:
        found = found.tolist()
    if type(found) not in (list, tuple, set, frozenset) or not all(type(word) is str for word in found):
        raise state.unknown("stop_words")
    return frozenset(found)


@cache
def english_stop_words() -> frozenset[str]:
    """Return scikit-learn's list of English stop words, read from its source, which is not run.

    Raises:
        Unknown: there is no such file, or it is not as known.

    """
    package = PathFinder.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise Unknown("stop_words='english' without scikit-learn is not known as data")
    path = Path(next(iter(package.submodule_search_locations)), "feature_extraction", "_stop_words.py")
    try:
        statements = ast.parse(path.read_bytes()).body
        (call,) = [each.value for each in statements if isinstance(each, ast.Assign)]
        words = ast.literal_eval(call.args[0]) if isinstance(call, ast.Call) else None
    except (OSError, SyntaxError, ValueError) as error:
        raise Unknown("this scikit-learn's list of English stop words is not known as data") from error
    if type(words) is not list or not all(type(word) is str for word in words):
        raise Unknown("this scikit-learn's list of English stop words is not known as data")
    return frozenset(words)


# ---- characters


def _characters(text: str, least: int, most: int) -> list[str]:
    """Return the n-grams of characters, the shortest first."""
    text = SPACES.sub(" ", text)
    found = list(text) if least == 1 else []
    for size in range(max(least, 2), min(most, len(text)) + 1):
        found += [text[at : at + size] for at in range(len(text) - size + 1)]
    return found


def _characters_in_words(text: str, least: int, most: int) -> list[str]:
    """Return the n-grams of characters within each word and the spaces around it. A short word counts once."""
    found: list[str] = []
    for word in SPACES.sub(" ", text).split():
        padded = f" {word} "
        for size in range(least, most + 1):
            found += [padded[at : at + size] for at in range(max(len(padded) - size, 0) + 1)]
            if size >= len(padded):
                break
    return found
