"""What a push uploads: a model and the small files next to it, from a file, a folder or an MLflow model directory."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from watcher.core.naming import (
    ARTIFACT,
    INPUT_FILE_LIMIT,
    INPUT_FILES,
    MLMODEL,
    MODEL_LIMIT,
    REQUIREMENTS,
    VALUES,
    model_problem,
)
from watcher.core.text import one_line
from watcher.errors import Rejected

EXAMPLE = INPUT_FILES[0]
SIDE_FILES = (REQUIREMENTS, VALUES, *INPUT_FILES)
"""The names that count next to model.joblib."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model file, and the content of the files next to it by their names in the bucket."""

    file: Path
    side_files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return the bytes of the model file."""
        return self.file.stat().st_size


def bundle_of(
    path: Path, *, requirements: Path | None = None, values: Path | None = None, example: Path | None = None
) -> Bundle:
    """Return what to upload for a model file or a folder. The files given by name win over those of a folder.

    What lies next to a model file does not count: the requirements.txt of a project is not that of its model.

    Raises:
        Rejected: `NoFile`, something is missing, cannot be read, or is too large; `Malformed`, it has another form.

    """
    found = _folder(path) if path.is_dir() else Bundle(path)
    if not found.file.is_file():
        raise Rejected("NoFile", f"there is no file {found.file}")
    if not found.size:
        raise Rejected("Malformed", f"{found.file} is empty")
    given = {REQUIREMENTS: requirements, VALUES: values, EXAMPLE: example}
    named = {name: _content(file) for name, file in given.items() if file}
    side_files = {**found.side_files, **named}
    if EXAMPLE in side_files:
        _check_json(example or path / EXAMPLE, side_files[EXAMPLE])
    if REQUIREMENTS in side_files:
        _check_requirements(requirements or path / REQUIREMENTS, side_files[REQUIREMENTS])
    return Bundle(found.file, side_files)


def _folder(folder: Path) -> Bundle:
    side_files = {name: _content(folder / name) for name in SIDE_FILES if (folder / name).is_file()}
    if (folder / ARTIFACT).is_file():
        return Bundle(folder / ARTIFACT, side_files)
    if MLMODEL not in side_files:
        raise Rejected("NoFile", f"{folder} has neither a {ARTIFACT} nor MLflow's {MLMODEL}: name the model's file")
    return Bundle(_file_of_mlflow(folder, side_files[MLMODEL]), side_files)


def _file_of_mlflow(folder: Path, text: bytes) -> Path:
    """Return the file that MLflow's sklearn flavor names."""
    import yaml  # noqa: PLC0415 - --help is quick without it

    place = folder / MLMODEL
    try:
        flavors = yaml.safe_load(text)["flavors"]
        sklearn: Any = flavors.get("sklearn")
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Rejected("Malformed", f"{place} does not list the model's flavors") from error
    if not isinstance(sklearn, dict) or not isinstance(sklearn.get("pickled_model"), str):
        listed = ", ".join(map(str, flavors))
        raise Rejected(
            "Malformed", f"{place}: the flavors are {listed}; only sklearn is served: mlflow.sklearn.save_model"
        )
    name = str(sklearn["pickled_model"])
    if name != Path(name).name:  # the directory may be somebody else's, and what it names is uploaded
        raise Rejected("Malformed", f"{place}: the model {one_line(name)} is not a file of this directory")
    return folder / name


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(INPUT_FILE_LIMIT + 1)
    except OSError as error:
        raise Rejected("NoFile", f"{file}: {error.strerror}") from error
    if len(content) > INPUT_FILE_LIMIT:
        raise Rejected("NoFile", f"{file} is larger than {INPUT_FILE_LIMIT} bytes: an example is a few rows")
    return content


def _check_requirements(file: Path, content: bytes) -> None:
    """Refuse what no server would install. What the operator permits beyond that, the watcher says."""
    from requirements_txt.parsing import RequirementsError, parse  # noqa: PLC0415 - --help is quick without it

    try:
        parse(content)
    except RequirementsError as error:
        raise Rejected("Malformed", f"{file}{str(error).removeprefix(REQUIREMENTS)}") from error


def _check_json(file: Path, content: bytes) -> None:
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Rejected("Malformed", f'{file} is not JSON, such as [[5.1, 3.5]] or [{{"age": 31}}]: {error}') from error


def name_of(path: Path) -> str:
    """Return the model's name by the name of its file or folder.

    Raises:
        Rejected: `NoName`, that cannot be one, or says nothing; the sentence proposes another.

    """
    resolved = path.resolve()
    named = resolved.name if path.is_dir() else resolved.name.partition(".")[0]
    if named == ARTIFACT.partition(".")[0] and not path.is_dir():
        proposal = _proposal(resolved.parent.name)
        raise Rejected("NoName", f"{path.name} does not say which model it is: name it, such as --name {proposal}")
    if model_problem(named):
        raise Rejected("NoName", f"'{named}' cannot be a model's name: choose one, such as --name {_proposal(named)}")
    return named


def _proposal(text: str) -> str:
    """Return the name that is nearest to the text."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789")[:MODEL_LIMIT].strip("-")
    return found or "my-model"
