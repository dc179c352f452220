"""XGBoost's bytes are read with bounds. tests/integration/test_library_families.py compares every bit of models."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.inputs.named_table import NamedTable
from server.model.families.registry import part_of
from server.model.families.ubjson import read_ubjson
from server.model.load_policy import read_as_data
from server.model.pickledata.records import Record, Unknown
from tests.unit.server.model.families.equality import same

INF = float("inf")
FILES = Path(__file__).parent / "xgboost_files"

KINDS = {
    "float32": (b"d", ">f4"),
    "int8": (b"i", "i1"),
    "int32": (b"l", ">i4"),
    "uint8": (b"U", "u1"),
    "int64": (b"L", ">i8"),
}


def written(value: Any) -> bytes:
    """Return a value in UBJSON, as XGBoost writes it."""
    if isinstance(value, dict):
        return b"{" + b"".join(_text(key) + written(each) for key, each in value.items()) + b"}"
    if isinstance(value, list):
        return b"[#" + _length(len(value)) + b"".join(map(written, value))
    if isinstance(value, str):
        return b"S" + _text(value)
    if isinstance(value, int):
        return b"L" + struct.pack(">q", value)
    kind, dtype = KINDS[value.dtype.name]
    return b"[$" + kind + b"#" + _length(len(value)) + value.astype(dtype).tobytes()


def _length(size: int) -> bytes:
    return b"L" + struct.pack(">q", size)


def _text(text: str) -> bytes:
    return _length(len(text.encode())) + text.encode()


def tree(value: float) -> dict[str, Any]:
    """Return a tree that asks twice: the first feature below 0.5, then the second below -1."""
    return {
        "tree_param": {"num_nodes": "5", "num_feature": "2"},
        "left_children": np.array([1, 3, -1, -1, -1], np.int32),
        "right_children": np.array([2, 4, -1, -1, -1], np.int32),
        "split_indices": np.array([0, 1, 0, 0, 0], np.int32),
        "split_conditions": np.array([0.5, -1, value, 2, 3], np.float32),
        "default_left": np.array([0, 1, 0, 0, 0], np.uint8),
        "split_type": np.array([0, 0, 0, 0, 0], np.uint8),
    }


def model() -> dict[str, Any]:
    forest = {"trees": [tree(1), tree(10)], "tree_info": integers(0, 0), "iteration_indptr": integers(0, 1, 2)}
    learner = {
        "attributes": {},
        "feature_names": [],
        "gradient_booster": {"name": "gbtree", "model": forest},
        "learner_model_param": {"base_score": "[2.5E-1]", "num_feature": "2", "num_target": "1", "num_class": "0"},
        "objective": {"name": "reg:squarederror"},
    }
    return {"Config": {}, "Model": {"learner": learner, "version": [3, 2, 0]}}


def record(found: Any, name: str = "XGBRegressor", **changed: Any) -> Record:
    handle = bytearray(found if isinstance(found, bytes) else written(found))
    state = {"_Booster": Record("xgboost.core.Booster", (), {"handle": handle}), "missing": float("nan"), **changed}
    return Record(f"xgboost.sklearn.{name}", (), state)


ROWS = {
    "below both": ([0.0, -2.0], 4.25),
    "not below the first": ([0.5, -2.0], 11.25),
    "below by a float64 that rounds to the condition": ([np.nextafter(0.5, 0), -2.0], 11.25),
    "missing the first": ([np.nan, -2.0], 11.25),
    "missing the second": ([0.0, np.nan], 4.25),
    "at the second": ([0.0, -1.0], 6.25),
}


@pytest.mark.parametrize("name", ROWS)
def test_predict_goes_the_documented_way(name: str) -> None:
    row, expected = ROWS[name]
    found = part_of(record(model())).methods["predict"](np.array([row]))
    assert (found.dtype, found.tolist()) == (np.float32, [expected])


@pytest.mark.parametrize(("condition", "value", "expected"), [(INF, 3e38, 2.0), (INF, INF, 1.0), (-INF, -INF, 1.0)])
def test_predict_takes_a_condition_of_infinity(condition: float, value: float, expected: float) -> None:
    found = model()
    found["Model"]["learner"]["attributes"] = {"best_iteration": "0"}
    first_tree(split_conditions=np.array([condition, 9, 1, 2, 3], np.float32))(found)
    assert part_of(record(found)).methods["predict"](np.array([[value, 0.0]])).tolist() == [expected + 0.25]


def test_predict_uses_the_trees_up_to_the_best_iteration() -> None:
    found = model()
    found["Model"]["learner"]["attributes"] = {"best_iteration": "0"}
    assert part_of(record(found)).methods["predict"](np.array([[0.0, -2.0]])).tolist() == [2.25]


def test_predict_uses_all_parallel_trees_of_the_best_iteration() -> None:
    found = model()
    forest(found).update(
        trees=[tree(value) for value in (1, 10, 100)], tree_info=integers(0, 0, 0), iteration_indptr=integers(0, 2, 3)
    )
    found["Model"]["learner"]["attributes"] = {"best_iteration": "0"}
    row = np.array([[0.5, -2.0]])
    assert part_of(record(found)).methods["predict"](row).tolist() == [11.25]


def learner(**changed: Any) -> Callable[[Any], object]:
    return lambda found: found["Model"]["learner"].update(changed)


def parameter(**changed: Any) -> Callable[[Any], object]:
    return lambda found: found["Model"]["learner"]["learner_model_param"].update(changed)


def forest(found: Any) -> Any:
    return found["Model"]["learner"]["gradient_booster"]["model"]


def first_tree(**changed: Any) -> Callable[[Any], object]:
    return lambda found: forest(found)["trees"][0].update(changed)


def integers(*values: int) -> Any:
    return np.array(values, np.int32)


@pytest.mark.parametrize(
    "file", sorted(FILES.glob("*/*.joblib")), ids=lambda file: f"{file.stem} of {file.parent.name}"
)
def test_part_of_an_older_file_gives_the_answers_of_its_version(file: Path) -> None:
    answers = dict(np.load(file.parent / "answers.npz"))
    model = read_as_data(file)
    kept = [key for key in answers if key.startswith(f"{file.stem}.")]
    assert kept
    for key in kept:
        found = getattr(model, key.rpartition(".")[2])(answers["X"])
        assert same(answers[key], found), key


# ---- categories -------------------------------------------------------------------------------------------------

STRINGS = {"offsets": integers(0, 4, 8, 12), "values": np.frombuffer(b"BernOsloRome", np.int8)}
NOTHING = {"offsets": integers(), "values": np.zeros(0, np.int8)}


def of_cities(**changed: Any) -> Any:
    """Return a model whose first tree asks whether the first feature, a city, is Oslo."""
    found = model()
    learner(feature_types=["c", "float"], feature_names=["city", "fare"])(found)
    forest(found)["cats"] = {"enc": [STRINGS, NOTHING]}
    of_oslo = {
        "split_type": np.array([1, 0, 0, 0, 0], np.uint8),
        "categories": integers(1),
        "categories_nodes": integers(0),
        "categories_segments": np.array([0]),
        "categories_sizes": np.array([1]),
    }
    first_tree(**{**of_oslo, **changed})(found)
    forest(found)["trees"][1]["split_conditions"][0] = -1  # the second asks for no city
    return found


CITIES = {"in the set": ("Oslo", 11.25), "of another": ("Rome", 13.25), "missing": (float("nan"), 11.25)}


@pytest.mark.parametrize("name", CITIES)
def test_predict_of_a_table_finds_the_codes_of_its_categories(name: str) -> None:
    city, expected = CITIES[name]
    table = NamedTable(("city", "fare"), [np.array([city], object), np.array([5.0])])
    part = part_of(record(of_cities()))
    assert part.methods["predict"](table).tolist() == [expected]
    assert not part.direct


NOT_KNOWN: dict[str, Callable[[Any], object]] = {
    "values that the model does not keep": lambda found: forest(found).pop("cats"),
    "letters beyond ASCII": lambda found: forest(found)["cats"].update(
        enc=[{"offsets": integers(0, 4), "values": np.frombuffer("Zür".encode(), np.int8)}, NOTHING]
    ),
    "types of other columns": learner(feature_types=["c"]),
    "a set of another node": first_tree(categories_nodes=integers(1)),
    "sets that overlap": first_tree(categories_segments=np.array([1])),
    "a larger set": first_tree(categories_sizes=np.array([2])),
    "a negative category": first_tree(categories=integers(-1)),
    "categories of fractions": first_tree(categories=np.array([1], np.float32)),
    "a set of a leaf": first_tree(split_type=np.array([0, 0, 1, 0, 0], np.uint8), categories_nodes=integers(2)),
    "far too many blocks": first_tree(
        categories=np.arange(300, dtype=np.int32) * 255, categories_sizes=np.array([300])
    ),
    "a feature outside": first_tree(split_indices=integers(2, 1, 0, 0, 0)),
}


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_part_of_categories_that_are_not_as_known_is_unknown(name: str) -> None:
    found = of_cities()
    part_of(record(found))
    NOT_KNOWN[name](found)
    with pytest.raises(Unknown, match="known as data"):
        part_of(record(found))


SPOILED: dict[str, Callable[[Any], object]] = {
    "another version": lambda found: found["Model"].update(version=[4, 0, 0]),
    "another booster": lambda found: found["Model"]["learner"]["gradient_booster"].update(name="dart"),
    "another objective": learner(objective={"name": "rank:ndcg"}),
    "no objective": learner(objective={}),
    "child outside": first_tree(left_children=integers(1, 5, -1, -1, -1)),
    "negative child": first_tree(left_children=integers(1, -2, -1, -1, -1)),
    "one child": first_tree(left_children=integers(1, -1, -1, -1, -1)),
    "child before its parent": first_tree(left_children=integers(1, 0, -1, -1, -1)),
    "feature outside": first_tree(split_indices=integers(0, 2, 0, 0, 0)),
    "negative feature": first_tree(split_indices=integers(0, -1, 0, 0, 0)),
    "fewer children": first_tree(right_children=integers(2, 4)),
    "children of fractions": first_tree(right_children=np.array([2, 4, -1, -1, -1], np.float32)),
    "an infinite leaf": first_tree(split_conditions=np.array([0, 0, np.inf, 0, 0], np.float32)),
    "a condition that is no number": first_tree(split_conditions=np.array([np.nan, 0, 0, 0, 0], np.float32)),
    "categories": first_tree(split_type=np.array([1, 0, 0, 0, 0], np.uint8)),
    "texts in place of numbers": first_tree(default_left=["a long text"] * 5),
    "no nodes": first_tree(tree_param={"num_nodes": "0"}),
    "other groups": lambda found: found["Model"]["learner"]["gradient_booster"]["model"].update(
        tree_info=integers(0, 1)
    ),
    "iterations of other trees": lambda found: forest(found).update(iteration_indptr=integers(0, 1)),
    "iterations out of order": lambda found: forest(found).update(iteration_indptr=integers(0, 2, 2)),
    "a best iteration outside": learner(attributes={"best_iteration": "2"}),
    "a negative best iteration": learner(attributes={"best_iteration": "-1"}),
    "several targets": parameter(num_target="2"),
    "other features": parameter(num_feature="1"),
    "several first estimates": parameter(base_score="[1, 2]"),
    "a first estimate of text": parameter(base_score='["a"]'),
    "names of other features": learner(feature_names=["a"]),
}


@pytest.mark.parametrize("name", SPOILED)
def test_part_of_bytes_that_are_not_as_known_is_unknown(name: str) -> None:
    found = model()
    SPOILED[name](found)
    with pytest.raises(Unknown, match="known as data"):
        part_of(record(found))


@pytest.mark.parametrize("base", ["1E-7", "9.999999E-1", "NaN"])
def test_part_of_a_probability_that_versions_bound_differently_is_unknown(base: str) -> None:
    found = model()
    learner(objective={"name": "binary:logistic"})(found)
    part_of(record(found, "XGBClassifier", n_classes_=2))
    parameter(base_score=base)(found)
    with pytest.raises(Unknown, match="base_score"):
        part_of(record(found, "XGBClassifier", n_classes_=2))


def test_part_of_other_parameters_is_unknown() -> None:
    for changed in ({"missing": 0.0}, {"_Booster": None}, {"strange": 1}):
        with pytest.raises(Unknown, match="known as data"):
            part_of(record(model(), **changed))


def test_read_ubjson_returns_what_was_written() -> None:
    assert read_ubjson(written({"a": ["b", {"c": 5}]})) == {"a": ["b", {"c": 5}]}
    assert read_ubjson(b"[i\x05TFZ]") == [5, True, False, None]


HOSTILE = {
    "nothing": b"",
    "an unknown kind": b"Q",
    "a text beyond the end": b"SL" + struct.pack(">q", 1 << 40),
    "a negative length": b"Si\xff",
    "a length of a fraction": b"Sd" + struct.pack(">f", 1),
    "an array beyond the end": b"[$L#L" + struct.pack(">q", 1 << 60),
    "an array of nothing": b"[$Z#L" + struct.pack(">q", 1 << 40),
    "many values of one byte": b"[#L" + struct.pack(">q", 9000) + b"Z" * 9000,
    "many empty lists": b"[" + b"[]" * 9000 + b"]",
    "many values": b"[#L" + struct.pack(">q", 1 << 40),
    "deep nesting": b"[" * 5000,
    "no end": b"{",
    "more than one value": b"TT",
    "a text that is none": b"Si\x01\xff",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_read_ubjson_of_hostile_bytes_is_unknown(name: str) -> None:
    with pytest.raises(Unknown, match="UBJSON"):
        read_ubjson(HOSTILE[name])
