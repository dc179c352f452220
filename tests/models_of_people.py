"""One model of each kind that people serve, and every way to ask it by every protocol.

The integration tests send each of these requests to a real server, and compare the answer with the model's own.
`make docs` writes the tables of docs/protocols.md from the same requests, so that nothing in them is untested.
Import this module without cost: a model is fitted when `make` is called.
"""

from __future__ import annotations

import csv
import io
import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import numpy as np
import pandas as pd

NAME = "m"
"""The model's name in the requests."""

PREDICT, V1, MLFLOW, CSV, V2, V2_BINARY = PROTOCOLS = (
    "`/predict`",
    "KServe V1",
    "MLflow JSON",
    "MLflow CSV",
    "V2 JSON",
    "V2 binary",
)
LENGTH = "Inference-Header-Content-Length"
SIZES = {"FP64": "<f8", "FP32": "<f4", "INT64": "<i8", "BOOL": "?"}


@dataclass(frozen=True)
class Request:
    """One way to ask a model."""

    protocol: str
    how: str
    """The form in a few words, such as `objects by name`."""
    path: str
    body: bytes
    headers: dict[str, str]
    shown: str
    """The body in Markdown."""


@dataclass(frozen=True)
class ModelOfPeople:
    """A kind of model, rows for it, and the ways to send them."""

    kind: str
    note: str
    """What users should know of this kind, in one sentence."""
    make: Callable[[], Any]
    rows: Any
    """What the model itself takes: an array, a DataFrame or a list."""
    requests: Sequence[Request]
    method: str = "predict"
    example: Any = None
    """The content of input-example.json next to the model, where one is needed."""


# ---- requests ----------------------------------------------------------------------------------------------------


def posted(protocol: str, how: str, document: Any, path: str = "") -> Request:
    paths = {
        PREDICT: "/predict",
        V1: f"/v1/models/{NAME}:predict",
        MLFLOW: "/invocations",
        V2: f"/v2/models/{NAME}/infer",
    }
    text = json.dumps(document)
    return Request(
        protocol, how, path or paths[protocol], text.encode(), {"Content-Type": "application/json"}, f"`{text}`"
    )


def lines(how: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Request:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([names, *(["" if value is None else value for value in row] for row in rows)])
    body = text.getvalue()
    shown = "<br>".join(f"`{line}`" for line in body.splitlines())
    return Request(CSV, how, "/invocations", body.encode(), {"Content-Type": "text/csv"}, shown)


def tensors(how: str, inputs: Sequence[tuple[str, str, Sequence[int], Sequence[Any]]]) -> list[Request]:
    """Return the request of these tensors (name, datatype, shape, values), as JSON and with binary data."""
    described = [{"name": name, "shape": shape, "datatype": datatype} for name, datatype, shape, _ in inputs]
    filled = [{**tensor, "data": values} for tensor, (*_, values) in zip(described, inputs, strict=True)]
    binary = [packed(datatype, values) for _, datatype, _, values in inputs]
    sized = [
        {**tensor, "parameters": {"binary_data_size": len(data)}}
        for tensor, data in zip(described, binary, strict=True)
    ]
    head, tail = json.dumps({"inputs": sized}), b"".join(binary)
    headers = {"Content-Type": "application/octet-stream", LENGTH: str(len(head))}
    path = f"/v2/models/{NAME}/infer"
    return [
        posted(V2, how, {"inputs": filled}),
        Request(V2_BINARY, how, path, head.encode() + tail, headers, f"`{head}` and {len(tail)} bytes"),
    ]


def packed(datatype: str, values: Sequence[Any]) -> bytes:
    """Return the values as the binary tensor extension has them."""
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in values)
    return np.array([math.nan if value is None else value for value in values], SIZES[datatype]).tobytes()


def plain(value: Any) -> Any:
    """Return a value of a DataFrame or an array as a client writes it into JSON."""
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and math.isnan(value) else value


def by_name(frame: pd.DataFrame, *, ordered: bool = True) -> list[Request]:
    """Return the requests for a model of columns with names; `ordered`: it knows the order of its columns."""
    names = list(frame.columns)
    columns = {name: [plain(value) for value in frame[name]] for name in names}
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    lists = [posted(PREDICT, "lists, in the model's order", {"data": rows})] if ordered else []
    return [
        posted(PREDICT, "objects by name", {"data": objects}),
        *lists,
        posted(V1, "objects by name", {"instances": objects}),
        posted(V1, "columns by name", {"inputs": columns}),
        posted(MLFLOW, "dataframe_split", {"dataframe_split": {"columns": names, "data": rows}}),
        posted(MLFLOW, "dataframe_records", {"dataframe_records": objects}),
        posted(MLFLOW, "columns by name", {"inputs": columns}),
        lines("a line of names", names, rows),
        *tensors("a tensor for each column", [column_tensor(name, columns[name]) for name in names]),
    ]


def column_tensor(name: str, values: list[Any]) -> tuple[str, str, list[int], list[Any]]:
    kinds = {type(value) for value in values}
    datatype = "BYTES" if str in kinds else "BOOL" if kinds == {bool} else "INT64" if kinds == {int} else "FP64"
    return name, datatype, [len(values)], values


def by_position(X: np.ndarray[Any, Any], datatype: str = "FP64") -> list[Request]:
    """Return the requests for a model of a matrix without names."""
    rows = [[plain(value) for value in row] for row in X]
    flat = [value for row in rows for value in row]
    return [
        posted(PREDICT, "lists of numbers", {"data": rows}),
        posted(V1, "lists of numbers", {"instances": rows}),
        posted(MLFLOW, "lists of numbers", {"inputs": rows}),
        posted(MLFLOW, "dataframe_split", {"dataframe_split": {"data": rows}}),
        lines("a line of any names", [f"x{index}" for index in range(X.shape[1])], rows),
        *tensors("one tensor", [("input", datatype, list(X.shape), flat)]),
    ]


def by_text(texts: list[str]) -> list[Request]:
    rows = [[text] for text in texts]
    return [
        posted(PREDICT, "strings", {"data": texts}),
        posted(V1, "strings", {"instances": texts}),
        posted(MLFLOW, "strings", {"inputs": texts}),
        posted(MLFLOW, "dataframe_split of one column", {"dataframe_split": {"columns": ["text"], "data": rows}}),
        lines("one column", ["text"], rows),
        *tensors("one tensor of strings", [("input", "BYTES", [len(texts)], texts)]),
    ]


def by_tokens(rows: list[list[str]]) -> list[Request]:
    flat = [token for row in rows for token in row]
    return [
        posted(PREDICT, "lists of strings", {"data": rows}),
        posted(V1, "lists of strings", {"instances": rows}),
        posted(MLFLOW, "lists of strings", {"inputs": rows}),
        *tensors("one tensor, if all rows have as many tokens", [("input", "BYTES", [len(rows), len(rows[0])], flat)]),
    ]


def transformed(X: np.ndarray[Any, Any]) -> list[Request]:
    """Return the requests for a model without `predict`. KServe V1 and MLflow have no other method."""
    asked = [request for request in by_position(X) if request.protocol in (V2, V2_BINARY)]
    return [posted(PREDICT, "lists of numbers, at /transform", {"data": X.tolist()}, "/transform"), *asked]


# ---- rows --------------------------------------------------------------------------------------------------------

MATRIX = np.array([[5.1, 3.5], [6.7, 3.0]])
NUMBERS = pd.DataFrame({"age": [22.0, 58.0], "fare": [7.25, 26.55]})
MIXED = pd.DataFrame({"city": ["Rome", "Oslo"], "age": [22.0, math.nan]})
CATEGORY = pd.DataFrame({"city": pd.Categorical(["Rome", "Oslo"], ["Bonn", "Oslo", "Rome"]), "age": [22.0, 58.0]})
TEXTS = ["a good day", "a bad day"]
DICTS = [{"city": "Rome", "temp": 21.5}, {"city": "Oslo", "temp": 4.0}]
TOKENS = [["good", "day"], ["bad", "day"]]
DATES = pd.DataFrame({"when": pd.to_datetime(["2024-01-31T12:00:00", "2024-06-30T00:00:00"]), "fare": [7.25, 26.55]})
IDS = np.array([[2**53 + 1], [2**53 + 2]])
FLOAT32 = np.array([[0.1, 0.2], [5.1, 5.2]], np.float32)
CODES = pd.DataFrame({"code": [1, 2]})
FLAGS = pd.DataFrame({"member": [True, False], "age": [22, 58]})
OWN = pd.DataFrame({"id": [7, 8], "age": [22.0, 58.0]})


# ---- models ------------------------------------------------------------------------------------------------------


class DropColumns:
    """A transformer of somebody's own, which expects a DataFrame and does not tell its columns."""

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns

    def fit(self, X: Any, y: Any = None) -> DropColumns:
        return self

    def transform(self, X: Any) -> Any:
        return X.drop(columns=self.columns)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"columns": self.columns}


def many(rows: Any, copies: int = 10) -> Any:
    """Return the rows often enough for any estimator to be fitted."""
    if isinstance(rows, pd.DataFrame):
        return pd.concat([rows] * copies, ignore_index=True)
    return np.concatenate([rows] * copies) if isinstance(rows, np.ndarray) else rows * copies


LABELS = ["no", "yes"] * 10


def numbers() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(many(MATRIX), LABELS)


def named_numbers() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(many(NUMBERS), LABELS)


def mixed() -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    encoded = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), (SimpleImputer(), ["age"]))
    return make_pipeline(encoded, LogisticRegression()).fit(many(MIXED).assign(note="dropped"), LABELS)


def category() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=1, categorical_features="from_dtype")
    return model.fit(many(CATEGORY), LABELS)


def texts() -> Any:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    return make_pipeline(CountVectorizer(), MultinomialNB()).fit(many(TEXTS), LABELS)


def dicts() -> Any:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(DictVectorizer(), LogisticRegression()).fit(many(DICTS), LABELS)


def tokens() -> Any:
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(FeatureHasher(64, input_type="string"), LogisticRegression()).fit(many(TOKENS), LABELS)


def dates() -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.tree import DecisionTreeClassifier

    # datetime64 alone has these: a column of strings would fail.
    to_day = FunctionTransformer(methodcaller("astype", "datetime64[s]"))
    to_number = FunctionTransformer(methodcaller("astype", "int64"))
    seconds = make_column_transformer((make_pipeline(to_day, to_number), ["when"]), remainder="passthrough")
    return make_pipeline(seconds, DecisionTreeClassifier(random_state=0)).fit(many(DATES), LABELS)


def ids() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    return make_pipeline(OneHotEncoder(), LogisticRegression(C=100)).fit(many(IDS), LABELS)


def float32() -> Any:
    from sklearn.cluster import KMeans

    return KMeans(2, n_init=1, random_state=0).fit(many(FLOAT32))


def codes() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

    to_text = FunctionTransformer(methodcaller("astype", str))
    return make_pipeline(to_text, OneHotEncoder(), LogisticRegression(C=100)).fit(many(CODES), LABELS)


def flags() -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(random_state=0).fit(many(FLAGS), LABELS)


def own_transformer() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(DropColumns(["id"]), StandardScaler(), LogisticRegression()).fit(many(OWN), LABELS)


def two_outputs() -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(random_state=0).fit(many(MATRIX), [[0, "a"], [1, "b"]] * 10)


def transform_only() -> Any:
    from sklearn.decomposition import PCA

    return PCA(1).fit(many(MATRIX))


MODELS = (
    ModelOfPeople(
        "Numbers in a matrix", "A model fitted on an array: values by position.", numbers, MATRIX, by_position(MATRIX)
    ),
    ModelOfPeople(
        "Numbers by name", "A model fitted on a DataFrame of numbers.", named_numbers, NUMBERS, by_name(NUMBERS)
    ),
    ModelOfPeople(
        "Mixed columns",
        "`null` is a missing value. The column `note`, which the ColumnTransformer drops, need not be sent.",
        mixed,
        MIXED.assign(note="dropped"),
        [request for request in by_name(MIXED) if "the model's order" not in request.how],
    ),
    ModelOfPeople(
        "Category columns",
        "A value that is none of the model's categories is refused; `null` is missing.",
        category,
        CATEGORY,
        by_name(CATEGORY),
    ),
    ModelOfPeople("Texts", "A text vectorizer first: a row is a string.", texts, TEXTS, by_text(TEXTS)),
    ModelOfPeople(
        "Dicts",
        "DictVectorizer or FeatureHasher first: a row is an object of numbers, strings and booleans.",
        dicts,
        DICTS,
        by_name(pd.DataFrame(DICTS), ordered=False),
    ),
    ModelOfPeople(
        "Tokens", "A vectorizer of lists of strings first. A CSV has no lists.", tokens, TOKENS, by_tokens(TOKENS)
    ),
    ModelOfPeople(
        "Date columns",
        "Dates in ISO 8601. The model cannot tell that a column holds dates: input-example.json next to it does.",
        dates,
        DATES,
        by_name(DATES),
        example={
            "rows": [{"when": "2024-01-31T12:00:00", "fare": 7.25}, {"when": "2024-06-30T00:00:00", "fare": 26.55}],
            "dtypes": {"when": "datetime64[ns]"},
        },
    ),
    ModelOfPeople(
        "Large integers",
        "Encoders of integers keep each value, also beyond 2^53.",
        ids,
        IDS,
        by_position(IDS, "INT64"),
    ),
    ModelOfPeople(
        "float32",
        "A clustering that was fitted on float32 computes in it.",
        float32,
        FLOAT32,
        by_position(FLOAT32, "FP32"),
    ),
    ModelOfPeople(
        "Integers as text", "An integer stays one: `1`, not `1.0`.", codes, CODES, by_name(CODES, ordered=False)
    ),
    ModelOfPeople("Booleans", "`true` and `false`, or 1 and 0.", flags, FLAGS, by_name(FLAGS)),
    ModelOfPeople(
        "A transformer of your own first",
        "The model does not tell its columns: send names, in the order that it was fitted on.",
        own_transformer,
        OWN,
        by_name(OWN, ordered=False),
    ),
    ModelOfPeople(
        "Several outputs",
        "The answer has a list for each row.",
        two_outputs,
        MATRIX,
        by_position(MATRIX),
    ),
    ModelOfPeople(
        "Without predict", "At `/transform` and by V2.", transform_only, MATRIX, transformed(MATRIX), method="transform"
    ),
)


# ---- docs/protocols.md -------------------------------------------------------------------------------------------


def overview() -> str:
    """Return the table of kinds and protocols, with the form of each request in a few words."""
    rows = [["kind of model", *PROTOCOLS], ["---"] * (1 + len(PROTOCOLS))]
    for model in MODELS:
        forms = ["; ".join(request.how for request in model.requests if request.protocol == p) for p in PROTOCOLS]
        rows.append([f"[{model.kind}](#{anchor(model.kind)})", *(form or "not possible" for form in forms)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def bodies() -> str:
    """Return each kind with its note, and the body of every request."""
    return "\n\n".join(_section(model) for model in MODELS)


def _section(model: ModelOfPeople) -> str:
    lines = [f"### {model.kind}", "", model.note]
    if model.example is not None:
        lines += ["", f"`input-example.json`: `{json.dumps(model.example)}`"]
    lines += ["", "| protocol | form | body |", "| --- | --- | --- |"]
    lines += [f"| {each.protocol} | {each.how} | {each.shown} |" for each in model.requests]
    return "\n".join(lines)


def anchor(title: str) -> str:
    """Return the fragment that GitHub makes of a heading."""
    return title.lower().replace(" ", "-")
