"""MLmodel files as MLflow writes them, with PyYAML's own folding of long lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from server.errors import ModelError
from server.model.evidence import Signature, SignatureColumn
from server.model.mlflow_model import read_signature
from server.schema import Kind


def mlmodel(inputs: Any, **signature: Any) -> bytes:
    """Return the file as `mlflow.models.Model.save` writes it."""
    document = {
        "artifact_path": "model",
        "flavors": {"python_function": {"env": "conda.yaml", "loader_module": "mlflow.sklearn"}},
        "saved_input_example_info": {"artifact_path": "input_example.json", "pandas_orient": "split"},
        "signature": {"inputs": json.dumps(inputs), "outputs": None, "params": None, **signature},
        "utc_time_created": "2026-01-01 00:00:00",
    }
    return yaml.safe_dump(document, default_flow_style=False, allow_unicode=True).encode()


def test_read_signature_of_columns_returns_each_type() -> None:
    types = ["boolean", "integer", "long", "float", "double", "string", "datetime", "binary"]
    inputs = [{"type": name, "name": f"the owner's column of {name} é: ü", "required": True} for name in types]
    found = read_signature(mlmodel([*inputs, {"type": "long", "name": "last", "required": False}]))
    assert found is not None
    assert [(column.kind, column.dtype) for column in found.columns] == [
        (Kind.BOOLEAN, "bool"),
        (Kind.INTEGER, "int32"),
        (Kind.INTEGER, "int64"),
        (Kind.NUMBER, "float32"),
        (Kind.NUMBER, "float64"),
        (Kind.STRING, ""),
        (Kind.DATETIME, "datetime64[ns]"),
        (Kind.ANY, ""),
        (Kind.INTEGER, "int64"),
    ]
    assert found.columns[0].name == "the owner's column of boolean é: ü"
    assert found.columns[-1] == SignatureColumn("last", Kind.INTEGER, "int64", required=False)


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 4]}}], Signature((), "float32", 4)),
        ([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, -1]}}], Signature((), "float64")),
        ([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 28, 28]}}], None),
        ([{"type": "double"}], Signature((SignatureColumn("", Kind.NUMBER, "float64"),))),
    ],
)
def test_read_signature_without_names_returns_a_tensor_or_columns(inputs: Any, found: Signature | None) -> None:
    assert read_signature(mlmodel(inputs)) == found


@pytest.mark.parametrize("content", [b"", b"flavors: {}\n", b"\xff\xfe", yaml.safe_dump({"signature": None}).encode()])
def test_read_signature_of_a_file_without_one_returns_none(content: bytes) -> None:
    assert read_signature(content) is None


@pytest.mark.parametrize("inputs", [[], {}, [1]])
def test_read_signature_of_another_form_is_refused(inputs: Any) -> None:
    with pytest.raises(ModelError, match="not a list of columns"):
        read_signature(mlmodel(inputs))
