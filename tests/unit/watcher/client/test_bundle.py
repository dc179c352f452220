from __future__ import annotations

from pathlib import Path

import pytest

from watcher.client.bundle import bundle_of, name_of
from watcher.errors import Rejected

SKLEARN = "flavors: {{python_function: {{}}, sklearn: {{pickled_model: model.pkl, serialization_format: {}}}}}"


def written(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.mark.parametrize(("file", "name"), [("iris.joblib", "iris"), ("iris-2.v1.joblib", "iris-2")])
def test_name_is_that_of_the_file(file: str, name: str, tmp_path: Path) -> None:
    assert name_of(tmp_path / file) == name


@pytest.mark.parametrize(
    ("path", "proposal"),
    [
        ("churn/model.joblib", "--name churn"),
        ("My Iris_2.joblib", "--name my-iris-2"),
        ("2026.joblib", "--name my-model"),
        ("X" * 80 + ".joblib", "--name " + "x" * 49),
        ("2026 Model/model.joblib", "--name model"),
    ],
)
def test_name_that_cannot_be_one_is_met_with_a_proposal(path: str, proposal: str, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        name_of(tmp_path / path)
    assert str(caught.value).endswith(f"such as {proposal}")


def test_name_of_a_folder_is_its_own(tmp_path: Path) -> None:
    assert name_of(written(tmp_path / "churn")) == "churn"


def test_bundle_of_a_file_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    folder = written(tmp_path, iris__joblib="m", requirements__txt="a project's own", values__yaml="x: 1")
    assert bundle_of(folder / "iris.joblib").side_files == {}


def test_bundle_of_a_folder_has_its_files_and_those_that_are_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "iris", model__joblib="m", requirements__txt="xgboost", other__txt="no")
    (folder / "input-example.json").write_text("[[1]]")
    (tmp_path / "rows.json").write_text("[[2]]")
    assert bundle_of(folder).side_files == {"requirements.txt": b"xgboost", "input-example.json": b"[[1]]"}
    assert bundle_of(folder, example=tmp_path / "rows.json").side_files["input-example.json"] == b"[[2]]"


def test_bundle_of_an_mlflow_model_is_the_file_of_its_sklearn_flavor_and_what_says_its_input(tmp_path: Path) -> None:
    folder = written(
        tmp_path / "run", MLmodel=SKLEARN.format("skops"), model__pkl="m", requirements__txt="mlflow==3.1.0\n"
    )
    (folder / "conda.yaml").write_text("name: mlflow-env")
    found = bundle_of(folder)
    assert found.file == folder / "model.pkl"
    assert set(found.side_files) == {"MLmodel", "requirements.txt"}


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "has neither a model.joblib nor MLflow's MLmodel"),
        ({"MLmodel": "flavors: {pytorch: {}, python_function: {}}"}, "the flavors are pytorch, python_function; only"),
        ({"MLmodel": "[1"}, "does not list the model's flavors"),
        ({"MLmodel": SKLEARN.format("pickle")}, "there is no file"),
        (
            {"MLmodel": "flavors: {sklearn: {pickled_model: ../keys}}"},
            "the model ../keys is not a file of this directory",
        ),
        ({"MLmodel": "flavors: {sklearn: {pickled_model: /etc/passwd}}"}, "is not a file of this directory"),
        ({"model__joblib": ""}, "is empty"),
        ({"model__joblib": "m", "requirements__txt": "x" * (1024 * 1024 + 1)}, "is larger than 1048576 bytes"),
    ],
)
def test_bundle_of_a_folder_without_a_model_says_what_is_missing(
    files: dict[str, str], problem: str, tmp_path: Path
) -> None:
    folder = written(tmp_path / "m", **files)
    with pytest.raises(Rejected) as caught:
        bundle_of(folder)
    assert problem in str(caught.value)


def test_bundle_with_an_example_that_is_not_json_names_the_file(tmp_path: Path) -> None:
    folder = written(tmp_path, iris__joblib="m", rows__json="age,city")
    with pytest.raises(Rejected, match=r"rows\.json is not JSON, such as"):
        bundle_of(folder / "iris.joblib", example=folder / "rows.json")


@pytest.mark.parametrize("given", [True, False])
def test_bundle_with_requirements_that_no_server_installs_names_the_file_and_the_line(
    tmp_path: Path, given: bool
) -> None:
    folder = written(tmp_path, model__joblib="m", requirements__txt="x==1\n-i http://evil.example\n")
    file = folder / "requirements.txt"
    with pytest.raises(Rejected) as caught:
        bundle_of(folder / "model.joblib", requirements=file) if given else bundle_of(folder)
    assert str(caught.value).startswith(f"{file}, line 2: options are not allowed")
