"""Models of other libraries, fitted and loaded in an environment of their own: requests are answered as in process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dev import venvs

SCRIPT = Path(__file__).parent / "models" / "compare_libraries.py"
LIBRARIES = (
    *("xgboost-cpu==3.2.0", "lightgbm==4.7.0", "catboost==1.2.10"),
    *("category_encoders==2.11.2", "mlflow-skinny==3.17.2"),
)
SERVER = ("scikit-learn==1.9.1", "numpy==2.4.6", "pandas==2.3.3", "joblib", "structlog", "orjson")

NUMERIC = {"lightgbm of numbers", "xgboost of numbers"}
CATEGORICAL = {
    "histogram of categories",
    "lightgbm of categories",
    "lightgbm of ordered categories",
    "xgboost of categories",
}
MLFLOW = {"mlflow's example": "MLflow's input_example.json", "mlflow's signature": "MLflow's signature"}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the script prints."""
    try:
        python = venvs.venv("libraries", *LIBRARIES, *SERVER)
    except venvs.ToolUnavailable as error:
        pytest.fail(str(error), pytrace=False)
    done = subprocess.run(
        [str(python), str(SCRIPT), str(tmp_path_factory.mktemp("libraries"))],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def compared(printed: dict[str, Any]) -> dict[str, Any]:
    return printed["models"]  # type: ignore[no-any-return]


def test_library_that_refuses_the_input_is_told_from_one_that_fails(printed: dict[str, Any]) -> None:
    assert printed["refusals"] == {
        "catboost: a fraction as a category": ["CatBoostError", True],
        "catboost: a word as a number": ["CatBoostError", True],
        "lightgbm: too many columns": ["LightGBMError", True],
        "xgboost: its own kind of error": ["XGBoostError", True],
        "a fault of the model": ["ZeroDivisionError", False],
    }


def test_server_answers_for_each_model_as_its_library_does(compared: dict[str, Any]) -> None:
    assert {name: each["served"] for name, each in compared.items()} == {
        name: each["library"] for name, each in compared.items()
    }
    # The row that warms a model up suited it. XGBoost loses categories beyond ASCII, so none can be invented.
    assert [name for name, each in compared.items() if "predict" not in each["answered"]] == [
        "xgboost of other letters"
    ]


def test_server_reads_the_form_from_the_fitted_parts_of_each_model(compared: dict[str, Any]) -> None:
    fitted = {name: each for name, each in compared.items() if name not in MLFLOW}
    assert {each["evidence"] for each in fitted.values()} == {"the fitted parts of the model"}
    assert {name for name, each in fitted.items() if each["form"] == "matrix"} == NUMERIC
    assert all(each["missing"] for name, each in fitted.items() if name in NUMERIC | CATEGORICAL)
    for name in CATEGORICAL:
        assert compared[name]["categories"][1] == ["Oslo", "Rome", "Zurich"]


def test_server_reads_models_of_boosted_trees_as_data(compared: dict[str, Any]) -> None:
    boosted = {name for name in compared if name.startswith(("histogram", "lightgbm", "xgboost"))}
    # XGBoost loses categories beyond ASCII.
    assert {name for name, each in compared.items() if each["loaded"] == "data"} == boosted - {
        "xgboost of other letters"
    }


@pytest.mark.parametrize("name", MLFLOW)
def test_server_reads_the_form_from_the_files_of_mlflow(compared: dict[str, Any], name: str) -> None:
    found = compared[name]
    assert (found["evidence"], found["form"]) == (MLFLOW[name], "dataframe")
    assert found["kinds"][found["names"].index("when")] == "datetime"
