"""The metadata of the Open Inference Protocol for each form of input, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from server.protocols.metadata import model_metadata
from server.schema import Evidence, InputForm, Kind, Schema


def described(schema: Schema) -> dict[str, Any]:
    return model_metadata(schema, "m", "", "sklearn 1.9.1")


@pytest.mark.parametrize(("dtype", "datatype"), [("float64", "FP64"), ("float32", "FP32"), ("int64", "INT64")])
def test_model_metadata_of_a_matrix_has_the_datatype_that_the_model_computes_in(dtype: str, datatype: str) -> None:
    assert described(Schema(3, dtype=dtype))["inputs"] == [{"name": "input", "datatype": datatype, "shape": [-1, 3]}]


@pytest.mark.parametrize(
    ("kind", "dtype", "datatype"),
    [
        (Kind.NUMBER, "", "FP64"),
        (Kind.NUMBER, "float32", "FP32"),
        (Kind.INTEGER, "int64", "INT64"),
        (Kind.BOOLEAN, "bool", "BOOL"),
        (Kind.STRING, "", "BYTES"),
        (Kind.STRING, "category", "BYTES"),
        (Kind.DATETIME, "datetime64[ns]", "BYTES"),
    ],
)
def test_model_metadata_of_a_column_has_the_datatype_of_its_kind(kind: Kind, dtype: str, datatype: str) -> None:
    schema = Schema(1, ("a",), form=InputForm.DATAFRAME, kinds=(kind,), dtypes=(dtype,) if dtype else ())
    assert described(schema)["inputs"] == [{"name": "a", "datatype": datatype, "shape": [-1]}]


def test_model_metadata_names_the_evidence_and_what_is_known_of_the_columns() -> None:
    schema = Schema(
        names=("size", "id", "note"),
        form=InputForm.DATAFRAME,
        kinds=(Kind.STRING, Kind.INTEGER, Kind.ANY),
        dtypes=("category", "int64", ""),
        categories=(("S", "M"), (), ()),
        unused=frozenset({"note"}),
        evidence=Evidence.OWNER_EXAMPLE,
    )
    assert described(schema)["parameters"] == {
        "feature_names": ("size", "id", "note"),
        "classes": (),
        "input_form": "dataframe",
        "input_evidence": "input-example.json",
        "dtypes": {"size": "category", "id": "int64"},
        "categories": {"size": ("S", "M")},
        "unused_features": ["note"],
        "loaded": "code",
    }


@pytest.mark.parametrize("form", [InputForm.TEXTS, InputForm.DICTS, InputForm.TOKENS])
def test_model_metadata_of_rows_that_are_one_value_has_one_tensor(form: InputForm) -> None:
    assert [tensor["name"] for tensor in described(Schema(form=form))["inputs"]] == ["input"]
