"""S3 keys ⇄ models, names that Kubernetes can take, and the order of versions. Pure."""

from __future__ import annotations

import re

from watcher.core.types import ModelId
from watcher.errors import Rejected

ARTIFACT, VALUES, REQUIREMENTS = "model.joblib", "values.yaml", "requirements.txt"
SUFFIX = "-model-serving"
FORM = "{namespace}/{model}/{version}/model.joblib"

LABEL_LIMIT = 63
"""Characters of a DNS label and of a label's value (RFC 1123; Kubernetes: object names and labels)."""
MODEL_LIMIT = LABEL_LIMIT - len(SUFFIX)
"""The Service is called `{model}-model-serving`, and that must be a DNS label."""

PRE_RELEASES = {"dev", "alpha", "beta", "pre", "preview", "rc", "snapshot"}


def parse_key(key: str) -> tuple[ModelId, str, str]:
    """`{namespace}/{model}/{version}/{file}` → (model, version, file).

    Raises:
        Rejected: `InvalidKey`, with a reason that says which part is wrong and what is allowed.

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
    """The model that the file at `key` belongs to: one beside a version, or its own values.yaml. None if none."""
    match key.split("/"):
        case [namespace, name, version, file] if file in {ARTIFACT, VALUES, REQUIREMENTS}:
            problem = version_problem(version)
        case [namespace, name, file] if file == VALUES:
            problem = ""
        case _:
            return None
    problem = problem or namespace_problem(namespace) or model_problem(name)
    return None if problem else ModelId(namespace, name)


def namespace_problem(name: str) -> str:
    """Why `name` cannot be a namespace of ours, or ""."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) or len(name) > LABEL_LIMIT:
        return (
            f"namespace '{name}' is not one for Kubernetes: lower-case letters, digits and '-', "
            f"{LABEL_LIMIT} characters at most"
        )
    return f"namespace '{name}' is reserved by Kubernetes" if name.startswith("kube-") else ""


def model_problem(name: str) -> str:
    """Why `name` cannot name a model, or "". A Service's name starts with a letter (DNS-1035)."""
    if re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name) and len(name) <= MODEL_LIMIT:
        return ""
    return (
        f"model '{name}' cannot name a Service: lower-case letters, digits and '-', "
        f"starting with a letter, {MODEL_LIMIT} characters at most"
    )


def version_problem(version: str) -> str:
    """Why `version` cannot be one, or ""."""
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._+-]*[A-Za-z0-9])?", version) and len(version) <= LABEL_LIMIT:
        return ""
    return f"version '{version}': letters, digits, '.', '_', '+' and '-', {LABEL_LIMIT} characters at most"


def object_name(model: ModelId) -> str:
    """The name of all of a model's objects, as `helm install {model}` gives it."""
    return f"{model.name}{SUFFIX}"


def version_label(version: str) -> str:
    """The version as a label's value, in which '+' is not allowed."""
    return version.replace("+", "_")


def version_order(version: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """A total order: `v10` > `v9`, `1.0.0` > `1.0.0-rc1`, `2026-02-01` > `2026-01-31`; build metadata is ignored."""
    main = version.partition("+")[0].lower()
    tokens = re.findall(r"\d+|[a-z]+", re.sub(r"^v(?=\d)", "", main))
    end = (1, 0, "")  # above the words of a pre-release, below any further number or word
    return (*(_rank(token) for token in tokens), end), version


def _rank(token: str) -> tuple[int, int, str]:
    if token.isdigit():
        return 3, int(token), ""
    return (0, 0, token) if token in PRE_RELEASES else (2, 0, token)
