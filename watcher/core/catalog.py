"""Turn a listing into the models that should serve and the keys that are refused. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.core.naming import (
    FORM,
    INPUT_FILE_LIMIT,
    INPUT_FILES,
    REQUIREMENTS,
    VALUES,
    is_artifact,
    parse_key,
    version_order,
)
from watcher.core.types import Catalog, Entry, ModelId, ModelVersion, Refusal, StoredObject
from watcher.errors import Rejected

EMPTY = "the file is empty"
DEPTH = FORM.count("/") + 1
OTHER_FORMATS = (".joblib", ".pkl", ".pickle", ".onnx", ".skops")


def read_listing(objects: Iterable[StoredObject], namespaces: tuple[str, ...] = ()) -> Catalog:
    """Return the models and the refused keys of a complete listing.

    If `namespaces` is not empty, models of other namespaces are refused. Keys that begin with "_" or resemble no
    model's are ignored. An empty file is refused, but still counts as a version: a broken upload must neither remove
    nor roll back what serves. The result does not depend on the order of `objects`.
    """
    by_key = {item.key: item for item in objects}
    refusals, versions = list[Refusal](), list[ModelVersion]()
    for key, item in sorted(by_key.items()):
        is_model = is_artifact(key, by_key)
        if reason := refusal(item, namespaces, is_model=is_model):
            refusals.append(Refusal(key, reason))
        if reason in ("", EMPTY) and is_model and not key.startswith("_"):
            version, unused = _version(item, by_key)
            versions.append(version)
            refusals += unused
    return Catalog(_entries(versions, by_key), tuple(sorted(refusals)))


def refusal(item: StoredObject, namespaces: tuple[str, ...], *, is_model: bool) -> str:
    """Return why an object that resembles a model's cannot be served; "" if it can, or if it is something else."""
    *folders, file = item.key.split("/")
    if item.key.startswith("_") or not file:
        return ""
    if is_model:
        return _artifact_problem(item, namespaces)
    return _near_miss(folders, file)


def _artifact_problem(item: StoredObject, namespaces: tuple[str, ...]) -> str:
    try:
        model, _, _ = parse_key(item.key)
    except Rejected as error:
        return str(error)
    if namespaces and model.namespace not in namespaces:
        return f"namespace '{model.namespace}' is not in --namespaces"
    return EMPTY if item.size == 0 else ""


def _near_miss(folders: list[str], file: str) -> str:
    in_version_folder = len(folders) == DEPTH - 1
    if in_version_folder and file.lower().endswith(OTHER_FORMATS):
        return "only model.joblib is served: save the model with joblib.dump(model, 'model.joblib')"
    if file == "values.yml" and len(folders) in (DEPTH - 2, DEPTH - 1):
        return "rename it to values.yaml"
    return ""


def _version(artifact: StoredObject, by_key: dict[str, StoredObject]) -> tuple[ModelVersion, list[Refusal]]:
    """Return a version, and the input files next to it that are not used."""
    model, version, _ = parse_key(artifact.key)
    folder = f"{model.prefix}{version}/"
    found = [by_key[folder + name] for name in sorted(INPUT_FILES) if folder + name in by_key]
    refused = [Refusal(item.key, problem) for item in found if (problem := _input_file_problem(item))]
    used = tuple(item for item in found if not _input_file_problem(item))
    requirements, values = by_key.get(folder + REQUIREMENTS), by_key.get(folder + VALUES)
    return ModelVersion(model, version, artifact, requirements, values, used), refused


def _input_file_problem(item: StoredObject) -> str:
    """Return why a file about the input is not used, or "". The model serves without it: MLflow may have written it."""
    if item.size > INPUT_FILE_LIMIT:
        return f"not used, because it is larger than {INPUT_FILE_LIMIT} bytes: keep a few rows in it"
    return "" if item.size else f"not used: {EMPTY}"


def _entries(versions: Iterable[ModelVersion], by_key: dict[str, StoredObject]) -> dict[ModelId, Entry]:
    grouped: dict[ModelId, list[ModelVersion]] = {}
    for version in versions:
        grouped.setdefault(version.model, []).append(version)
    return {
        model: Entry(
            model, tuple(sorted(found, key=lambda item: version_order(item.version))), by_key.get(model.prefix + VALUES)
        )
        for model, found in sorted(grouped.items())
    }
