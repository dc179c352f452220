"""What a model takes and gives, as far as it is known. Immutable data: nothing here inspects a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from server.errors import InputError

METHODS = ("predict", "predict_proba", "decision_function", "score_samples", "transform")
"""The methods of scikit-learn that are served, in the order of the metadata."""

MAIN_METHODS = ("predict", "transform", "score_samples")
"""The first of these that a model has is its main method. PCA has both of the latter, and people mean `transform`."""


class InputForm(StrEnum):
    """The form of a model's input."""

    MATRIX = "matrix"
    """float64 (rows, features), contiguous: nearly every model."""
    DATAFRAME = "dataframe"
    """A pandas DataFrame with the model's own column names: the model selects columns by name, or some hold strings."""
    OBJECTS = "objects"
    """An object array (rows, features): columns of strings, without names."""
    TEXTS = "texts"
    """An object array (rows,) of strings, for a text vectorizer."""
    DICTS = "dicts"
    """A list of dicts, one a row, for DictVectorizer and FeatureHasher."""
    TOKENS = "tokens"
    """A list of lists of strings, one a row, for hashers and vectorizers of tokens."""
    AS_SENT = "as_sent"
    """Not known: rows with names become a DataFrame with the request's names, and rows without names stay lists."""


TABLES = (InputForm.MATRIX, InputForm.DATAFRAME, InputForm.OBJECTS)
"""The forms with one value for each feature."""

SINGLE_VALUES = (InputForm.TEXTS, InputForm.DICTS, InputForm.TOKENS)
"""The forms whose rows are one value each, without columns."""


class Kind(StrEnum):
    """The type of one feature's values."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    STRING = "string"
    DATETIME = "datetime"
    """ISO 8601 in requests, datetime64 for the model."""
    ANY = "any"
    """Not known: only the estimator's own check of the input decides."""


class Evidence(StrEnum):
    """What decided the input's form, the strongest first. Each value is the text that users read."""

    OWNER_EXAMPLE = "input-example.json"
    MLFLOW_EXAMPLE = "MLflow's input_example.json"
    MLFLOW_SIGNATURE = "MLflow's signature"
    FITTED_PARTS = "the fitted parts of the model"
    TRIAL = "a trial with an invented row"
    NOTHING = "nothing: the form is the client's own"


@dataclass(frozen=True, slots=True)
class Schema:
    """A model's input, its classes, and its methods with their answers."""

    features: int | None = None
    """The number of features. None where it is not known."""
    names: tuple[str, ...] = ()
    """`feature_names_in_`, in the model's own order."""
    allows_missing: bool = False
    form: InputForm = InputForm.MATRIX
    kinds: tuple[Kind, ...] = ()
    """One for each feature; empty where all are numbers."""
    named_table: bool = False
    """Whether named columns are a NamedTable, for a model loaded as data, and not a pandas DataFrame."""
    example_row: tuple[Any, ...] = ()
    """A row that the model should accept: zeros, and for encoded columns one of the encoder's categories."""
    evidence: Evidence = Evidence.NOTHING
    dtype: str = "float64"
    """Of a MATRIX: usually `float64`. `float32` for models that were fitted on it and compute in it, such as
    clusterings. `int64` for encoders of integers: a float would change values beyond 2**53."""
    dtypes: tuple[str, ...] = ()
    """Of a DATAFRAME: the pandas dtype of each column as the model was fitted on it, such as `category` or `float32`.
    "" where it is not known; empty where none is."""
    categories: tuple[tuple[Any, ...], ...] = ()
    """Of a DATAFRAME: the categories of each `category` column in the model's order, () for other columns; empty where
    there is no such column."""
    null_is_none: frozenset[str] = frozenset()
    """Of a DATAFRAME or OBJECTS: the columns (`columns`) in which null is None, because the model was fitted with None
    for a missing value. In all others it is NaN, as pandas reads it from a file."""
    unused: frozenset[str] = frozenset()
    """The names that the model drops: a request need not have them."""
    ignores_extra_columns: bool = False
    """Whether columns that the model does not know are ignored; otherwise they are refused (`--extra-columns`)."""
    classes: tuple[Any, ...] = ()
    """`classes_` as JSON values; a tuple of tuples where the model has several outputs."""
    methods: frozenset[str] = frozenset({"predict"})
    """The names in METHODS that the model has."""
    example_answers: Mapping[str, Any] = field(default_factory=dict)
    """The answer of each method to the example row, for those that accepted it."""

    def __post_init__(self) -> None:
        """Count the features of a model that only names them."""
        if self.features is None and self.names:
            object.__setattr__(self, "features", len(self.names))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names, or x0, x1, … as scikit-learn names columns that have none."""
        return self.names or tuple(f"x{index}" for index in range(self.features or 0))

    @property
    def example_as_sent(self) -> Any:
        """The example row as a client would send it: a list of values, or the one value that a row is."""
        return self.example_row[0] if self.form in SINGLE_VALUES else list(self.example_row)

    @property
    def main_method(self) -> str:
        """The method that is meant where a request names none."""
        return next((name for name in (*MAIN_METHODS, *METHODS) if name in self.methods), "predict")

    def require(self, method: str) -> str:
        """Return `method` if the model has it. Raise InputError with the methods that it has if not."""
        if method in self.methods:
            return method
        raise InputError(f"the model has no {method}(); it has {', '.join(sorted(self.methods))} (see /docs)")
