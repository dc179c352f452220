"""ColumnTransformers as data give the answers of scikit-learn, of DataFrames and of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from server.inputs.named_table import NamedTable
from server.model.families.registry import part_of
from server.model.pickledata.records import Record, Unknown, as_record
from tests.unit.server.fitted_models import TARGETS, X
from tests.unit.server.model.families.equality import (
    REMOVED,
    as_given,
    assert_equal_to,
    assert_unknown_with,
    hostile_matrices,
    outcome,
    same,
)

FRAME = pd.DataFrame(X, columns=list("abcde")).assign(
    whole=np.arange(len(X)), yes=X[:, 0] > 0, text=np.array(["x", "y", None] * 40, dtype=object)
)
NUMBERS = FRAME[[*"abcde", "whole", "yes"]]
SCALED, LIMITED, LARGEST = StandardScaler(), MinMaxScaler(), MaxAbsScaler()

BY_NAME: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "lists": ([("s", SCALED, ["b", "a"]), ("m", LIMITED, ["whole", "c"])], {}),
    "overlapping lists": ([("s", SCALED, ["b", "a"]), ("m", LIMITED, ["a"])], {}),
    "arrays": ([("s", SCALED, np.array(["b", "a"]))], {}),
    "an index": ([("s", SCALED, FRAME.columns[:3])], {}),
    "slices": ([("s", SCALED, slice("b", "d")), ("m", LIMITED, slice(None, "b"))], {}),
    "masks": ([("s", SCALED, [True, False, True, False, False, True, False, False])], {}),
    "a mask of pandas": ([("s", SCALED, FRAME.columns.isin(["a", "whole"]))], {}),
    "positions": ([("s", SCALED, [1, 0]), ("m", LIMITED, [-3])], {}),
    "a slice of positions": ([("s", SCALED, slice(1, 3))], {}),
    "a function": ([("s", SCALED, make_column_selector("[a-c]"))], {}),
    "no columns": ([("s", SCALED, ["b"]), ("m", LIMITED, []), ("n", LIMITED, [False] * 8)], {}),
    "weights": ([("s", SCALED, ["b", "a"]), ("m", LIMITED, ["c"])], {"transformer_weights": {"m": 3}}),
    "dropped": ([("s", SCALED, ["b", "a"]), ("d", "drop", ["c"])], {}),
    "passed": ([("s", SCALED, ["b"]), ("p", "passthrough", ["c", "a"])], {}),
    "passed integers": ([("p", "passthrough", ["whole"])], {}),
    "passed booleans": ([("s", SCALED, ["b"]), ("p", "passthrough", ["yes"])], {}),
    "passed integers and booleans": ([("s", SCALED, ["b"]), ("p", "passthrough", ["yes", "whole"])], {}),
    "passed strings": ([("s", SCALED, ["b"]), ("p", "passthrough", ["text"])], {}),
    "passed remainder": ([("s", SCALED, ["b", "d"])], {"remainder": "passthrough"}),
    "remainder without names": ([("s", SCALED, [1, 3])], {"remainder": "passthrough"}),
    "pipelines": ([("s", make_pipeline(SCALED, LARGEST), ["b", "d"]), ("m", LIMITED, ["a"])], {}),
}
BY_POSITION: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "lists": ([("s", SCALED, [1, 0]), ("m", LIMITED, [4])], {}),
    "arrays": ([("s", SCALED, np.array([1, -5]))], {}),
    "slices": ([("s", SCALED, slice(1, 3)), ("m", LIMITED, slice(0, None, 2))], {}),
    "masks": ([("s", SCALED, np.array([True, False, True, False, False])), ("m", LIMITED, [True] * 5)], {}),
    "passed": ([("s", SCALED, [1]), ("p", "passthrough", [0, 2])], {}),
    "passed remainder": ([("s", SCALED, [1])], {"remainder": "passthrough"}),
    "scaled remainder": ([("p", "passthrough", [1]), ("d", "drop", [2])], {"remainder": StandardScaler()}),
    "scaled remainder of a mask": ([("p", "passthrough", [True] + [False] * 4)], {"remainder": StandardScaler()}),
    "weights": ([("s", SCALED, [1])], {"remainder": LIMITED, "transformer_weights": {"remainder": 0.5, "s": 2}}),
}


def frames() -> list[pd.DataFrame]:
    """Return DataFrames that a ColumnTransformer of FRAME takes, or refuses."""
    hostile = FRAME[:9].copy()
    hostile.loc[3, "a"], hostile.loc[4, "b"] = np.nan, np.inf
    return [
        FRAME,
        *(FRAME[at : at + 1] for at in range(5)),
        FRAME[5:12],
        FRAME[list(reversed(FRAME.columns))],
        FRAME.assign(more=1)[["more", *FRAME.columns]],
        hostile[:3],
        hostile[3:4],
        hostile,
        FRAME.astype({"whole": float, "yes": object}),
    ]


@pytest.mark.parametrize("name", BY_NAME)
def test_part_of_a_column_transformer_by_name_gives_the_answers_of_scikit_learn(name: str) -> None:
    transformers, parameters = BY_NAME[name]
    model = ColumnTransformer(transformers, **parameters).fit(FRAME)
    assert part_of(model).names == tuple(FRAME.columns)
    assert_equal_to(model, frames())


@pytest.mark.parametrize("name", BY_POSITION)
def test_part_of_a_column_transformer_by_position_gives_the_answers_of_scikit_learn(name: str) -> None:
    transformers, parameters = BY_POSITION[name]
    model = ColumnTransformer(transformers, **parameters).fit(X)
    assert part_of(model).direct
    assert_equal_to(model, [*hostile_matrices(X), X[:5].astype(object), X[:5, :4]])
    numbers = make_pipeline(model, LinearRegression()).fit(X, TARGETS["numbers"])
    assert_equal_to(numbers, list(hostile_matrices(X)))


WORDS = pd.DataFrame(
    {
        "color": np.array(["red", "green", "blue", np.nan] * 30, dtype=object),
        "size": X[:, 1],
        "city": np.array([f"city {index % 7}" for index in range(120)], dtype=object),
        "weight": np.where(X[:, 3] > 300, np.nan, X[:, 3]),
        "count": np.arange(120) % 5,
        "open": X[:, 0] > 0,
    }
)
NUMBERS_OF_WORDS = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
MIXED: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "dense": ([("n", NUMBERS_OF_WORDS, ["size", "weight"]), ("c", OneHotEncoder(), ["color", "city"])], {}),
    "sparse": (
        [("n", NUMBERS_OF_WORDS, ["weight"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["color", "city"])],
        {"sparse_threshold": 1.0, "remainder": "passthrough"},
    ),
    "sparse alone": ([("c", OneHotEncoder(), ["color"]), ("d", OneHotEncoder(drop="first"), ["city", "open"])], {}),
    "sparse with weights": (
        [("c", OneHotEncoder(), ["color"]), ("n", StandardScaler(), ["size", "open"])],
        {"sparse_threshold": 1.0, "transformer_weights": {"c": 0.3, "n": 2}},
    ),
    "never sparse": (
        [("c", OneHotEncoder(), ["color"]), ("d", OneHotEncoder(), ["city"])],
        {"sparse_threshold": 0, "transformer_weights": {"c": 3}},
    ),
    "ordinal": (
        [("o", OrdinalEncoder(), ["city", "color"]), ("i", SimpleImputer(strategy="most_frequent"), ["weight"])],
        {"remainder": "passthrough"},
    ),
    "passed booleans": ([("c", OneHotEncoder(sparse_output=False), ["color"]), ("p", "passthrough", ["open"])], {}),
    "passed integers": (
        [("c", OneHotEncoder(sparse_output=False, dtype=int), ["color"]), ("p", "passthrough", ["count"])],
        {},
    ),
}


@pytest.mark.parametrize("name", MIXED)
def test_part_of_a_column_transformer_of_words_and_numbers_gives_the_answers_of_scikit_learn(name: str) -> None:
    transformers, parameters = MIXED[name]
    strange = WORDS[:4].copy()
    strange.loc[1, "color"], strange.loc[2, "city"], strange.loc[3, "size"] = "violet", np.nan, np.inf
    rows = [WORDS[at : at + 1].copy() for at in range(8)] + [strange[at : at + 1].copy() for at in range(4)]
    inputs = [WORDS, *rows, WORDS[4:50].copy(), strange, WORDS[list(reversed(WORDS.columns))]]
    model = ColumnTransformer(transformers, **parameters).fit(WORDS)
    assert_equal_to(model, inputs)
    scaled = make_pipeline(model, MaxAbsScaler(), LogisticRegression(max_iter=300))
    if name != "ordinal":
        assert_equal_to(scaled.fit(WORDS, TARGETS["three"]), inputs)


def test_pipeline_that_gives_sparse_rows_of_a_column_transformer_to_a_part_without_is_unknown() -> None:
    transformers, parameters = MIXED["sparse alone"]
    model = make_pipeline(ColumnTransformer(transformers, **parameters), SimpleImputer()).fit(WORDS)
    with pytest.raises(Unknown, match="sparse rows"):
        part_of(model)


def test_sparse_column_transformer_of_words_refuses_them_as_scikit_learn() -> None:
    columns = [("c", OneHotEncoder(), ["color"]), ("p", "passthrough", ["count"])]
    model = ColumnTransformer(columns, sparse_threshold=1.0).fit(WORDS)
    assert_equal_to(model, [WORDS.assign(count="many"), WORDS.assign(count="7")])


def test_column_transformer_fitted_on_a_matrix_takes_a_table_by_position() -> None:
    model = ColumnTransformer([("s", SCALED, [1, 0]), ("m", LIMITED, slice(2, 4))]).fit(X)
    frame = FRAME[list("abcde")].rename(columns=str.upper)
    with pytest.warns(UserWarning, match="feature names"):
        expected = model.transform(frame)
    assert same(expected, part_of(model).methods["transform"](as_given(frame)))
    assert_equal_to(model, [FRAME[list("abcd")]])


def test_column_transformer_of_names_refuses_a_matrix_and_one_of_positions_takes_it() -> None:
    by_name = ColumnTransformer([("s", SCALED, ["a"]), ("m", LIMITED, ["b"])]).fit(NUMBERS)
    by_position = ColumnTransformer([("s", SCALED, [0]), ("m", LIMITED, slice(1, 3))]).fit(NUMBERS)
    for model in (by_name, by_position):
        found = outcome(part_of(model).methods["transform"], NUMBERS.to_numpy(np.float64))
        with pytest.warns(UserWarning, match="feature names") if model is by_position else pytest.raises(ValueError):
            expected = model.transform(NUMBERS.to_numpy(np.float64))
        if model is by_position:
            assert same(expected, found)
        else:
            assert found == outcome(model.transform, NUMBERS.to_numpy(np.float64))


def test_column_transformer_names_the_column_that_a_table_lacks() -> None:
    model = ColumnTransformer([("s", SCALED, ["a", "b"]), ("d", "drop", ["c"])]).fit(FRAME)
    assert_equal_to(model, [FRAME.drop(columns="a"), FRAME.drop(columns="c"), FRAME[["b", "a"]]])


def test_column_transformer_finds_columns_of_each_order_of_names() -> None:
    model = ColumnTransformer([("p", "passthrough", ["b", "a"])]).fit(FRAME)
    transform = part_of(model).methods["transform"]
    for names in (("a", "b"), ("b", "a"), ("a", "b")):
        table = NamedTable(names, [np.array([ord(name)]) for name in names])
        assert transform(table).tolist() == [[ord("b"), ord("a")]]


def test_part_of_a_column_transformer_saved_by_1_5_reads_its_list_of_the_remainder() -> None:
    model = ColumnTransformer([("s", SCALED, [1])], remainder="passthrough").fit(X)
    record = as_record(model)
    first, (name, value, columns) = record.state["transformers_"]
    listed = Record("sklearn.compose._column_transformer._RemainderColsList", state={"data": columns})
    record.state["transformers_"] = [first, (name, value, listed)]
    assert_equal_to(model, [X], part_of(record))


def test_part_of_a_column_transformer_saved_by_1_3_passes_columns_without_a_transformer() -> None:
    model = ColumnTransformer([("s", SCALED, [1])], remainder="passthrough").fit(X)
    record = as_record(model)
    first, (name, _, columns) = record.state["transformers_"]
    record.state["transformers_"] = [first, (name, "passthrough", columns)]
    assert_equal_to(model, [X], part_of(record))


FITTED = ColumnTransformer([("s", SCALED, [1, 0]), ("m", LIMITED, [4])]).fit(X)
(S, M, _), INDICES = FITTED.transformers_, FITTED._transformer_to_input_indices
LINE = LinearRegression().fit(X[:, :2], TARGETS["number"])


@pytest.mark.parametrize(
    "changes",
    [
        {"transformers_": []},
        {"transformers_": [S, S]},
        {"transformers_": [S[:2], M]},
        {"transformers_": [("s", LINE, [1, 0])]},
        {"transformers_": [("s", S[1], [0, 1])]},
        {"transformers_": [("s", S[1], slice(0, 2))]},
        {"transformers_": [("s", S[1], [1, 5])]},
        {"transformers_": [("s", S[1], 1)]},
        {"transformers_": [("s", S[1], [1, "a"])]},
        {"transformers_": [("s", S[1], None)]},
        {"transformers_": [("s", S[1], 1.0)]},
        {"transformers_": [("s", M[1], [1, 0])]},
        {"transformers_": [("m", M[1], 4)]},
        {"_transformer_to_input_indices": {**INDICES, "s": [1, 5]}},
        {"_transformer_to_input_indices": {**INDICES, "s": [1, -5]}},
        {"_transformer_to_input_indices": {**INDICES, "s": [1]}},
        {"_transformer_to_input_indices": {**INDICES, "s": (1, 0)}},
        {"_transformer_to_input_indices": {**INDICES, "s": [1, 0.0]}},
        {"_transformer_to_input_indices": {}},
        {"_transformer_to_input_indices": REMOVED},
        {"transformer_weights": {"t": 1}},
        {"sparse_output_": None},
        {"sparse_output_": REMOVED},
        {"n_features_in_": 1},
        {"another": 1},
    ],
)
def test_part_of_a_column_transformer_with_another_state_is_unknown(changes: Any) -> None:
    assert_unknown_with(FITTED, **changes)
