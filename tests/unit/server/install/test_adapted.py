from __future__ import annotations

import pytest

from requirements_txt.parsing import parse
from server.install.adapted import with_numpy, without_mlflow

A = "a" * 64


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("scikit-learn==1.2.2", ["numpy<2"]),
        ("scikit_learn==1.3.*", ["numpy<2"]),
        ("scikit-learn<1.4.2,>=1.2", ["numpy<2"]),
        ("scikit-learn<=1.4.1", ["numpy<2"]),
        ("pandas==2.0.3\nxgboost", ["numpy<2"]),
        ("scikit-learn==1.4.2", []),
        ("scikit-learn<1.5", []),
        ("scikit-learn~=1.3", []),
        ("scikit-learn", []),
        ("scikit-learn==1.2.2\nnumpy==1.26.4", []),
        ("lightgbm==3.0.0", []),
        (f"scikit-learn==1.2.2 --hash=sha256:{A}", []),
    ],
)
def test_with_numpy_adds_numpy_1_to_a_pin_from_before_numpy_2(text: str, added: list[str]) -> None:
    packages = parse(text.encode())
    assert list(map(str, with_numpy(packages)))[len(packages) :] == added


def test_without_mlflow_leaves_out_mlflow_under_each_of_its_names() -> None:
    packages = parse(b"mlflow==3.17.2\nscikit-learn==1.9.1\nMLflow_Skinny[extras]\nmlflow-tracing<4\nmlflower\n")
    assert list(map(str, without_mlflow(packages))) == ["scikit-learn==1.9.1", "mlflower"]
