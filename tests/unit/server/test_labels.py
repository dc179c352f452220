"""Labels of every type are readable, and the same in each protocol, in the metadata and in the metrics."""

from __future__ import annotations

import datetime as dt
import enum
import struct
import timeit
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from server.http.fast_path import encoded
from server.labels import array_as_json, as_json, as_text
from server.model.introspection import inspect_estimator
from server.protocols import kserve_v1, mlflow
from server.protocols.json_answer import encode_json, json_ready
from server.protocols.kubeserve import encode_predictions, encode_probabilities
from server.protocols.metadata import model_metadata
from server.protocols.open_inference import read_inference, write_inference
from server.schema import Schema
from server.telemetry.feature_stats import FeatureStats


class Color(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (np.datetime64("2024-01-02", "ns"), "2024-01-02"),
        (np.datetime64("2024-01-02", "D"), "2024-01-02"),
        (np.datetime64("2024-01-02T10:20"), "2024-01-02T10:20:00"),
        (np.datetime64("2024-01-02T10"), "2024-01-02T10:00:00"),
        (np.datetime64("2024-01-02T10:20:30.500", "ns"), "2024-01-02T10:20:30.5"),
        (np.datetime64("2024-01-02T10:20:30.000000007", "ns"), "2024-01-02T10:20:30.000000007"),
        (np.datetime64("2024-05"), "2024-05"),
        (np.datetime64("2024"), "2024"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (dt.datetime(2024, 1, 2), "2024-01-02"),  # noqa: DTZ001 - a label without a zone
        (dt.datetime(2024, 1, 2, 10, 0, 0, 250_000, dt.UTC), "2024-01-02T10:00:00.25+00:00"),
        (dt.datetime(2024, 1, 2, tzinfo=dt.UTC), "2024-01-02T00:00:00+00:00"),
        (dt.time(10, 20), "10:20:00"),
        (pd.Timestamp("2024-01-02"), "2024-01-02"),
        (pd.Timestamp("2024-01-02T10:20:30.5", tz="UTC"), "2024-01-02T10:20:30.5+00:00"),
        (pd.Period("2024-01", "M"), "2024-01"),
        (dt.timedelta(days=1, seconds=30), "P1DT30S"),
        (dt.timedelta(0), "PT0S"),
        (np.timedelta64(90, "m"), "PT1H30M"),
        (np.timedelta64(-36, "h"), "-P1DT12H"),
        (np.timedelta64(1500, "ms"), "PT1.5S"),
        (np.timedelta64(3, "M"), "P3M"),
        (np.timedelta64(-2, "Y"), "-P2Y"),
        (np.timedelta64(7, "ps"), "7 picoseconds"),
        (pd.Timedelta("1D 3ns"), "P1DT0.000000003S"),
        (b"caf\xc3\xa9", "café"),
        (np.bytes_(b"cat"), "cat"),
        (bytearray(b"cat"), "cat"),
        (np.void(b"cat"), "cat"),
        (b"\xff1", "\\xff1"),
        (Decimal("1.50"), "1.50"),
        ((1, b"a", np.datetime64("2024-01-02", "ns")), "(1, a, 2024-01-02)"),
        (Color.RED, "red"),
        (1 + 2j, "(1+2j)"),
        (np.str_("cat"), "cat"),
    ],
)
def test_label_of_another_type_than_json_has_is_readable_text(label: Any, text: str) -> None:
    assert (as_json(label), as_text(label)) == (text, text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.bool_(1), True),
        (np.float32(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.float64("nan"), None),
        (np.float64("inf"), None),
        (np.datetime64("NaT"), None),
        (np.timedelta64("NaT"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (None, None),
        ("cat", "cat"),
        ([np.int64(1), b"a", (1, 2)], [1, "a", "(1, 2)"]),
        ({b"a": np.float32(0.5), 1: [b"b"]}, {"a": 0.5, "1": ["b"]}),
        (np.array([[1, 2]]), [[1, 2]]),
    ],
)
def test_as_json_of_numbers_missing_values_and_structures_is_that_of_json(value: Any, expected: Any) -> None:
    found = as_json(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array(["2024-01-02", "NaT"], "M8[ns]"), ["2024-01-02", None]),
        (np.array([[b"a"], [b"b"]]), [["a"], ["b"]]),
        (np.array([["a", 1], [None, b"x"]], object), [["a", 1], [None, "x"]]),
        (np.array([], "M8[D]"), []),
        (np.array([1.5, np.nan], np.longdouble), [1.5, None]),
        (pd.Series([[1, 2], [3, b"a"]]).to_numpy(), [[1, 2], [3, "a"]]),
        (pd.Series([[1, 2], [3, 4]]).to_numpy(), [[1, 2], [3, 4]]),
    ],
)
def test_array_as_json_of_any_shape_keeps_it(values: Any, expected: Any) -> None:
    assert array_as_json(values) == expected


def test_array_as_json_of_objects_that_are_strings_looks_at_no_value_by_itself() -> None:
    strings = np.array(["yes", "no"] * 50_000, dtype=object)
    took = min(timeit.repeat(lambda: array_as_json(strings), number=1, repeat=5))
    assert took < 10 * min(timeit.repeat(lambda: list(map(type, strings.tolist())), number=1, repeat=5))


DATES = np.array(["2024-01-01", "2024-01-02T10:00"], "M8[ns]")
X = np.array([[0.0], [1.0]])


def with_classes(classes: list[Any]) -> LogisticRegression:
    """Return a real classifier whose labels are these: scikit-learn refuses to fit on some of their types."""
    model = LogisticRegression(C=100).fit(X, [0, 1])
    model.classes_ = np.empty(2, dtype=object)
    model.classes_[:] = classes
    return model


MODELS = {
    "datetime64": (LogisticRegression(C=100).fit(X, DATES), ["2024-01-01", "2024-01-02T10:00:00"]),
    "datetime64 of a tree": (DecisionTreeClassifier().fit(X, DATES), ["2024-01-01", "2024-01-02T10:00:00"]),
    "timedelta64": (LogisticRegression(C=100).fit(X, np.array([1, 36], "m8[h]")), ["PT1H", "P1DT12H"]),
    "bytes": (DecisionTreeClassifier().fit(X, np.array([b"caf\xc3\xa9", b"\xff"])), ["café", "\\xff"]),
    "objects of bytes": (with_classes([b"caf\xc3\xa9", b"\xff"]), ["café", "\\xff"]),
    "objects of dates": (
        with_classes([dt.date(2024, 1, 1), pd.Timestamp("2024-01-02")]),
        ["2024-01-01", "2024-01-02"],
    ),
    "decimals": (with_classes([Decimal("1.50"), Decimal(2)]), ["1.50", "2"]),
    "tuples": (with_classes([(1, "a"), (2, "b")]), ["(1, a)", "(2, b)"]),
    "integers beyond 64 bits": (with_classes([2**64, -(2**63) - 1]), ["18446744073709551616", "-9223372036854775809"]),
    "half surrogates": (with_classes(["a\ud800", "\udfff"]), ["a\\ud800", "\\udfff"]),
    "strings": (LogisticRegression(C=100).fit(X, np.array(["no", "yes"], object)), ["no", "yes"]),
}


@pytest.mark.parametrize("name", MODELS)
def test_labels_are_the_same_text_in_every_protocol_in_the_metadata_and_in_the_metrics(name: str) -> None:
    model, texts = MODELS[name]
    answer, schema = model.predict(X), inspect_estimator(model)
    expected = {"predictions": texts}
    for encode in (encode_predictions, kserve_v1.encode_predictions, mlflow.encode_predictions):
        assert orjson.loads(encode(answer)) == expected
    assert orjson.loads(encoded(answer, array_as_json(answer))) == expected  # the fast path
    assert orjson.loads(encode_probabilities(model.predict_proba(X), schema))["classes"] == texts
    described = orjson.loads(encode_json(model_metadata(schema, "m", "", "sklearn")))
    assert described["parameters"]["classes"] == texts
    assert infer(answer, binary=False)["data"] == texts
    assert infer(answer, binary=True) == texts
    for record in (
        lambda stats: stats.record(X, answer),
        lambda stats: stats.record_many([X], [array_as_json(answer)]),
    ):
        stats = FeatureStats()
        stats.configure((), 1, schema.classes)
        record(stats)
        stats.flush()
        assert dict(stats.class_counts) == dict.fromkeys(texts, 1)


def infer(answer: Any, *, binary: bool) -> Any:
    """Return the output of V2 in JSON, or the strings of its binary form."""
    tensor = {"name": "input", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}
    body = orjson.dumps({"inputs": [tensor], "parameters": {"binary_data_output": binary}})
    written, length = write_inference(read_inference(body, None, Schema(1)), [answer], "m", "")
    (output,) = orjson.loads(written[:length])["outputs"]
    assert output["datatype"] == "BYTES"
    if length is None:
        return output
    found, rest = [], written[length:]
    while rest:
        (size,) = struct.unpack_from("<I", rest)
        found.append(rest[4 : 4 + size].decode())
        rest = rest[4 + size :]
    return found


def test_integers_of_64_bits_stay_numbers() -> None:
    labels = np.array([2**64 - 1, -(2**63), 2**64, True], object)
    assert encode_predictions(labels) == (
        b'{"predictions":[18446744073709551615,-9223372036854775808,"18446744073709551616",true]}'
    )


def test_labels_in_lists_and_objects_that_json_lacks_are_text() -> None:
    labels = [{"\ud800": [2**64]}, (np.array(["\ud800", 1.5], object),)]
    assert encode_json(labels) == b'[{"\\\\ud800":["18446744073709551616"]},[["\\\\ud800",1.5]]]'


def test_json_ready_of_several_outputs_and_of_a_frame_has_readable_labels() -> None:
    assert json_ready([DATES[:1], np.array([b"a"])]) == [["2024-01-01"], ["a"]]
    frame = pd.DataFrame({"day": DATES, "n": [1, 2]})
    assert json_ready(frame) == [["2024-01-01", 1], ["2024-01-02T10:00:00", 2]]
