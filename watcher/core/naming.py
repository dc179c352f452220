"""Keys of the bucket and their models, names that Kubernetes accepts, and the order of versions. Pure."""

from __future__ import annotations

import re
from collections.abc import Container

from watcher.core.types import ModelId
from watcher.errors import Rejected

ARTIFACT, VALUES, REQUIREMENTS = "model.joblib", "values.yaml", "requirements.txt"
MLMODEL = "MLmodel"
MLFLOW_ARTIFACTS = ("model.pkl", "model.skops")
"""What MLflow calls a model of scikit-learn. Next to MLmodel, the first of them that exists is a version's model."""
INPUT_FILES = ("input-example.json", "input_example.json", MLMODEL)
"""What says how the model's input looks: its owner's example, MLflow's, and MLflow's signature. Each is optional."""
MODEL_FILES = frozenset({ARTIFACT, *MLFLOW_ARTIFACTS, VALUES, REQUIREMENTS, *INPUT_FILES})
"""The files of a version's folder that count."""
STATUS_FILE = "_status.json"
"""What the watcher itself writes beside a version. It is no file of the model: nothing follows from a change of it."""
DELETED_FOLDER = "_deleted/"
"""Where `kubeserve delete` names a model that it takes out of the bucket as the last one. The catalog ignores it."""
INPUT_FILE_LIMIT = 1024 * 1024
"""Bytes. An example is a few rows; the download fetches no larger one."""
SUFFIX = "-model-serving"
TRACKS = ("canary", "shadow")
"""The tracks on which a model may have a second version on trial, beside the stable one, whose name is ""."""
FORM = "{namespace}/{model}/{version}/model.joblib"

LABEL_LIMIT = 63
"""Characters. The longest DNS label, and the longest value of a Kubernetes label (RFC 1123)."""
MODEL_LIMIT = LABEL_LIMIT - len(SUFFIX)
"""Characters. The Service has the name `{model}-model-serving`, which must be a DNS label."""

PRE_RELEASES = {"dev", "alpha", "beta", "pre", "preview", "rc", "snapshot"}


def parse_key(key: str) -> tuple[ModelId, str, str]:
    """Return the model, version and file of a key `{namespace}/{model}/{version}/{file}`.

    Raises:
        Rejected: `InvalidKey`; the text says which part is wrong and what is allowed.

    """
    parts = key.split("/")
    if len(parts) != FORM.count("/") + 1:
        raise Rejected("InvalidKey", f"wrong depth: expected {FORM}")
    namespace, name, version, file = parts
    problem = namespace_problem(namespace) or model_problem(name) or version_problem(version)
    if problem:
        raise Rejected("InvalidKey", problem)
    return ModelId(namespace, name), version, file


def model_of(key: str) -> ModelId | None:
    """Return the model that the file at `key` belongs to (in a version's folder, or its values.yaml), or None."""
    match key.split("/"):
        case [namespace, name, version, file] if file in MODEL_FILES:
            problem = version_problem(version)
        case [namespace, name, file] if file == VALUES:
            problem = ""
        case _:
            return None
    problem = problem or namespace_problem(namespace) or model_problem(name)
    return None if problem else ModelId(namespace, name)


def is_artifact(key: str, keys: Container[str]) -> bool:
    """Return whether the key is that of a version's model: model.joblib, or else the one of MLflow's directory.

    `keys` are those of the bucket. The key itself is not checked otherwise.
    """
    folder, _, file = key.rpartition("/")
    if file not in MLFLOW_ARTIFACTS:
        return file == ARTIFACT
    preferred = (ARTIFACT, *MLFLOW_ARTIFACTS[: MLFLOW_ARTIFACTS.index(file)])
    return f"{folder}/{MLMODEL}" in keys and not any(f"{folder}/{name}" in keys for name in preferred)


def namespace_problem(name: str) -> str:
    """Return why `name` cannot be the namespace of a model, or ""."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) or len(name) > LABEL_LIMIT:
        return (
            f"namespace '{name}' is not a valid Kubernetes name: use lower-case letters, digits and '-', "
            f"{LABEL_LIMIT} characters at most"
        )
    return f"namespace '{name}' is reserved by Kubernetes" if name.startswith("kube-") else ""


def model_problem(name: str) -> str:
    """Return why `name` cannot name a model, or "". The name of a Service starts with a letter (DNS-1035)."""
    if re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name) and len(name) <= MODEL_LIMIT:
        return ""
    return (
        f"model '{name}' is not a valid name for a Service: use lower-case letters, digits and '-', "
        f"starting with a letter, {MODEL_LIMIT} characters at most"
    )


def version_problem(version: str) -> str:
    """Return why `version` cannot name a version, or ""."""
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._+-]*[A-Za-z0-9])?", version) and len(version) <= LABEL_LIMIT:
        return ""
    return (
        f"version '{version}' is not valid: use letters, digits, '.', '_', '+' and '-', "
        f"{LABEL_LIMIT} characters at most"
    )


def object_name(model: ModelId, track: str = "") -> str:
    """Return the name of a model's objects, which is the one that `helm install {model}` gives them."""
    return f"{model.name}{SUFFIX}{track and f'-{track}'}"


def instance_label(model: ModelId, track: str = "") -> str:
    """Return what the objects of a track are selected by. No model has a dot in its name, so no other one has it."""
    return f"{model.name}{track and f'.{track}'}"


def service_url(model: ModelId) -> str:
    """Return the address of a model inside the cluster."""
    return f"http://{object_name(model)}.{model.namespace}"


def version_label(version: str) -> str:
    """Return the version as the value of a label, in which '+' is not allowed."""
    return version.replace("+", "_")


def version_order(version: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Return a sort key, different for different versions. Build metadata (`+…`) only decides between equals.

    `v10` > `v9`, `1.0.0` > `1.0.0-rc1`, `2026-02-01` > `2026-01-31`.
    """
    main = version.partition("+")[0].lower()
    tokens = re.findall(r"\d+|[a-z]+", re.sub(r"^v(?=\d)", "", main))
    end = (1, 0, "")  # above the words of a pre-release, below any further number or word
    return (*(_rank(token) for token in tokens), end), version


def _rank(token: str) -> tuple[int, int, str]:
    if token.isdigit():
        return 3, int(token), ""
    return (0, 0, token) if token in PRE_RELEASES else (2, 0, token)
