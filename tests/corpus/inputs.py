"""What the models of the corpus are trained on and asked: by NumPy only, since every environment runs this.

A table is a dict of columns, float64 or of objects. `make` makes a DataFrame of it, and `compare` a `Table`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

ROWS = 120
"""Of the training data."""
WIDTH = 6
MANY_ROWS = 2000
KEPT_OF_MANY = 16
"""Of an answer for many rows each row of this number is stored."""

CITIES = ("Bern", "Oslo", "Rome")
SIZES = ("S", "M", "L")
WORDS = ("good", "bad", "film", "a", "great", "dull", "plot", "42", "naïve", "Film", "very", "not", "it's", "o_o")
ODD_TEXTS = (
    "",
    "  ",
    "zebra",
    "GOOD film, good FILM!",
    "naïve NAÏVE \u0130stanbul",
    "a",
    "x" * 3000,
    "日本語 text\nline",
    "a-b_c 1.5",
)
ODD_NUMBERS = (0.0, -0.0, 5e-324, -1e-310, 1e300, -1e300, 1e-30, 3.5e38, np.nan, np.inf, -np.inf)

Kind = Mapping[str, Any]
"""Inputs by name."""


# ---- training data


def matrix(rng: np.random.Generator, rows: int = ROWS) -> Any:
    return rng.normal(size=(rows, WIDTH))


def gaps(rng: np.random.Generator, rows: int = ROWS) -> Any:
    """Return a matrix with missing values."""
    X = matrix(rng, rows)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X


def positive(rng: np.random.Generator, rows: int = ROWS) -> Any:
    return np.abs(matrix(rng, rows))


def codes(rng: np.random.Generator, rows: int = ROWS) -> Any:
    """Return a matrix whose columns 1 and 2 hold codes of categories."""
    X = matrix(rng, rows)
    X[:, 1] = rng.integers(0, 4, rows)
    X[:, 2] = rng.integers(0, 7, rows)
    return X


def matrix_of_float32(rng: np.random.Generator, rows: int = ROWS) -> Any:
    return matrix(rng, rows).astype(np.float32)


def counts(rng: np.random.Generator, rows: int = ROWS) -> Any:
    return rng.integers(0, 4, (rows, WIDTH)).astype(float)


def words(rng: np.random.Generator, rows: int = ROWS) -> Any:
    """Return an object matrix of two columns of strings."""
    return np.stack([rng.choice(CITIES, rows), rng.choice(SIZES, rows)], axis=1).astype(object)


def texts(rng: np.random.Generator, rows: int = ROWS) -> list[str]:
    return [" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(rows)]


def table(rng: np.random.Generator, rows: int = ROWS) -> dict[str, Any]:
    """Return four columns of numbers, two of categories, one of texts."""
    columns: dict[str, Any] = dict(zip(("age", "income", "height", "visits"), rng.normal(size=(4, rows)), strict=True))
    columns["visits"] = rng.integers(0, 9, rows).astype(float)
    columns["city"] = rng.choice(CITIES, rows).astype(object)
    columns["size"] = rng.choice(SIZES, rows).astype(object)
    columns["note"] = np.array(texts(rng, rows), dtype=object)
    return columns


def table_with_gaps(rng: np.random.Generator, rows: int = ROWS) -> dict[str, Any]:
    """Return a table with missing numbers and categories, as pandas reads them from a CSV."""
    columns = table(rng, rows)
    columns["income"][rng.random(rows) < 0.1] = np.nan
    columns["city"][rng.random(rows) < 0.1] = np.nan
    return columns


def table_of_numbers(rng: np.random.Generator, rows: int = ROWS) -> dict[str, Any]:
    """Return the columns of a table that are numbers."""
    return {name: column for name, column in table(rng, rows).items() if column.dtype == np.float64}


TRAINING: Mapping[str, Callable[[np.random.Generator], Any]] = {
    "matrix": matrix,
    "gaps": gaps,
    "matrix of float32": matrix_of_float32,
    "positive": positive,
    "codes": codes,
    "counts": counts,
    "words": words,
    "texts": texts,
    "table": table,
    "table with gaps": table_with_gaps,
    "table of numbers": table_of_numbers,
}


def targets(rng: np.random.Generator) -> dict[str, Any]:
    """Return what the models predict. A model can learn something of it: the matrices are drawn from the same seed."""
    X = matrix(np.random.default_rng(0))
    score = X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=ROWS)
    three = np.array(["green", "blue", "red"])[np.digitize(score, [-0.5, 0.5])]
    return {
        "two": (score > 0).astype(int),
        "three": three,
        "number": score,
        "above zero": np.abs(score) + 0.1,
        "numbers": np.stack([score, X[:, 3] - 2 * score], axis=1),
        "labels": np.stack([score > 0, X[:, 3] > 0], axis=1).astype(int),
        "": None,
    }


# ---- hostile inputs


def hostile(kind: str) -> dict[str, Any]:
    """Return the inputs by name that a model trained on this kind of data is asked."""
    rng = np.random.default_rng(7)
    if kind == "texts":
        return _hostile_texts(rng)
    if kind == "words":
        return _hostile_words(rng)
    if kind.startswith("table"):
        return _hostile_tables(rng, TRAINING[kind])
    if kind == "matrix of float32":  # requests are float64
        return _hostile_matrices(rng, matrix)
    return _hostile_matrices(rng, TRAINING[kind])


def _hostile_matrices(rng: np.random.Generator, usual: Any) -> dict[str, Any]:
    X: dict[str, Any] = {f"{rows} rows": usual(rng, rows) for rows in (1, 2, 7, 33, 300, MANY_ROWS)}
    X["scaled"] = matrix(rng, 60) * 10.0 ** rng.integers(-12, 12, (60, WIDTH))
    X["whole numbers"] = np.round(matrix(rng, 30) * 2)
    X["denormal"] = matrix(rng, 20) * 1e-310
    X["huge"] = matrix(rng, 20) * 1e300
    X["columns in order"] = np.asfortranarray(usual(rng, 12))
    for number in ODD_NUMBERS:
        X[f"some {number}"] = _spoiled(rng, usual(rng, 9), (number,), 0.2)
    X["mixed"] = _spoiled(rng, usual(rng, 40), ODD_NUMBERS, 0.15)
    for index in range(12):
        X[f"one row {index}"] = _spoiled(rng, usual(rng, 1), ODD_NUMBERS, 0.15 if index % 2 else 0.0)
    return X


def _spoiled(rng: np.random.Generator, X: Any, numbers: Any, share: float) -> Any:
    where = rng.random(X.shape) < share
    X[where] = rng.choice(numbers, where.sum())
    return X


def _hostile_tables(rng: np.random.Generator, usual: Any) -> dict[str, Any]:
    X: dict[str, Any] = {f"{rows} rows": usual(rng, rows) for rows in (1, 2, 33, 300, MANY_ROWS)}
    for number in ODD_NUMBERS:
        spoiled = usual(rng, 9)
        spoiled["income"][3] = spoiled["age"][5] = number
        X[f"some {number}"] = spoiled
    for index in range(8):
        X[f"one row {index}"] = usual(rng, 1)
    X["whole numbers"] = usual(rng, 9)
    X["whole numbers"]["visits"] = X["whole numbers"]["visits"].astype(np.int64)
    if "city" not in X["1 rows"]:
        return X
    for name, category in {"unknown": "Atlantis", "empty": "", "none": None, "missing": np.nan}.items():
        X[f"{name} category"] = usual(rng, 9)
        X[f"{name} category"]["city"][4] = category
    X["many unknown categories"] = usual(rng, 9)
    # An error lists a column's unknown categories in the order of a set: the first column has only one.
    X["many unknown categories"]["city"][2:6] = "Y"
    X["many unknown categories"]["size"][2:6] = ["Y", "X", "Z", "Y"]
    X["odd texts"] = usual(rng, len(ODD_TEXTS))
    X["odd texts"]["note"] = np.array(ODD_TEXTS, dtype=object)
    return X


def _hostile_words(rng: np.random.Generator) -> dict[str, Any]:
    X: dict[str, Any] = {f"{rows} rows": words(rng, rows) for rows in (1, 2, 33, 300)}
    for name, word in {"unknown": "Atlantis", "empty": "", "missing": None, "nan": np.nan, "number": 3.0}.items():
        X[name] = words(rng, 9)
        X[name][4, 0] = word
        X[f"{name}, second column"] = words(rng, 9)
        X[f"{name}, second column"][[2, 4, 5], 1] = word
    return X


def _hostile_texts(rng: np.random.Generator) -> dict[str, Any]:
    X: dict[str, Any] = {f"{rows} rows": texts(rng, rows) for rows in (1, 2, 33, 300)}
    X["odd"] = list(ODD_TEXTS)
    for index, text in enumerate(ODD_TEXTS):
        X[f"odd {index}"] = [text]
    X["letters"] = ["".join(rng.choice(list("abc  xyzé.,-_")).item() for _ in range(60)) for _ in range(20)]
    return X
