"""Render a release and its values into Kubernetes objects with fingerprints. Pure; the chart holds the templates."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from watcher.core import exposure, signed_files
from watcher.core.chart import check, container, defaults, merge, template
from watcher.core.naming import instance_label, object_name, version_label
from watcher.core.types import (
    ETAG,
    FINGERPRINT,
    INSTALLS_LABEL,
    OWNER_LABEL,
    RELEASE,
    S3_PATH,
    VERSION,
    Manifest,
    ModelId,
    ModelVersion,
    Release,
    Store,
    Trial,
)

PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9.]+)\}")
CAPITAL = re.compile(r"(?=[A-Z])")
AUTOSCALING = "autoscaling/v2"
"""The API version of autoscalers since Kubernetes 1.23. 1.19 to 1.22 have only v2beta2, with the same fields."""

DRAIN = 5
"""Seconds. The `--drain-seconds` of the chart's Deployment."""
LAST_PREDICTION = 5
"""Seconds. A stopping server waits this long for the last prediction, after the deadline of all queued requests."""
LEAST_GRACE = 30
"""Seconds. The default of Kubernetes; it is enough for the server's default deadline of 10 s."""
STORE_VARIABLES = ["endpointVariable", "secureVariable", "accessKeyVariable", "secretKeyVariable", "urlsVariable"]
MILLIONTH = 1e-6
PROXY_VARIABLES = {"httpProxy": "HTTP_PROXY", "httpsProxy": "HTTPS_PROXY", "noProxy": "NO_PROXY"}


def render(
    release: Release,
    store: Store,
    owner: str,
    base: Mapping[str, Any] | None = None,
    autoscaling: str = AUTOSCALING,
) -> list[Manifest]:
    """Return the objects of a release, the Deployment first.

    `base` overrides the chart's defaults, and the release's overrides override both. Equal input gives equal output.
    The Deployment names its replicas only if `base` or the overrides do (ADR 11): a new one begins with the API
    server's default of 1, which is the chart's too.

    Raises:
        Rejected: `InvalidValues`, if the values do not fit the chart's schema.

    """
    chosen = merge(base or {}, release.overrides)
    complete, names_replicas = _complete(chosen, release.version, store), _names_replicas(chosen)
    stable = render_values(
        complete, release.model, owner, autoscaling, names_replicas=names_replicas, trials=release.trials
    )
    return [
        *stable,
        *(item for trial in release.trials for item in _render_trial(trial, store, owner, base, autoscaling)),
    ]


def _render_trial(
    trial: Trial, store: Store, owner: str, base: Mapping[str, Any] | None, autoscaling: str
) -> list[Manifest]:
    """Return the objects of a track: those of a release, but for the addresses, which belong to the stable one."""
    chosen = merge(base or {}, trial.overrides, {section: {"enabled": False} for section in exposure.SECTIONS})
    complete, names_replicas = _complete(chosen, trial.version, store), _names_replicas(chosen)
    model = trial.version.model
    return render_values(complete, model, owner, autoscaling, names_replicas=names_replicas, track=trial.track)


def _names_replicas(chosen: Mapping[str, Any]) -> bool:
    return "replicas" in (chosen.get("deployment") or {})


def _complete(chosen: Mapping[str, Any], version: ModelVersion, store: Store) -> dict[str, Any]:
    """Return the chart's values for a version, with what only the watcher knows."""
    facts = {
        "s3Path": f"s3://{store.bucket}/{version.artifact.key}",
        "s3Endpoint": store.endpoint,
        "s3Bucket": store.bucket,
        "s3UseSSL": store.secure,
        "name": version.model.name,
        "version": version.version,
        "etag": version.artifact.etag,
        "requirementsEtag": version.requirements.etag if version.requirements else "",
        "inputFiles": input_files(version),
        "signedFiles": signed_files.text_of(version),
    }
    return merge(defaults(), chosen, {"model": facts})


def render_values(
    values: Mapping[str, Any],
    model: ModelId,
    owner: str,
    autoscaling: str = AUTOSCALING,
    *,
    names_replicas: bool = True,
    track: str = "",
    trials: Sequence[Trial] = (),
) -> list[Manifest]:
    """Return the objects that `helm template` makes of complete `values`, with a fingerprint each.

    On a `track`, their names and selectors are its own. Of `trials`, the route of the stable ones knows.
    """
    check(values)
    values = plain(values)
    scope = {**values, **computed(values, model, owner, track, trials), "autoscalingVersion": autoscaling}
    if not names_replicas:
        scope["replicas"] = None
    scope["installContainer"] = fill(container("install"), scope) if installs(values["model"]) else None
    optional = {"hpa": "autoscaling", "ingress": "ingress", "httproute": "httpRoute"}
    chosen = [kind for kind, section in optional.items() if values[section]["enabled"]]
    of_download = {"secret": not values["model"]["signedFiles"], "configmap": needs_config_map(values)}
    kinds = [*(kind for kind, is_needed in of_download.items() if is_needed), "service", *chosen]
    deployment = with_release(fill(template("deployment"), scope))
    return [with_fingerprint(item) for item in (deployment, *(fill(template(kind), scope) for kind in kinds))]


def plain(value: Any) -> Any:
    """Return the values as Helm reads them: without nulls, and with 2.0 as the integer 2."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def computed(
    values: Mapping[str, Any], model: ModelId, owner: str, track: str = "", trials: Sequence[Trial] = ()
) -> dict[str, Any]:
    """Return the placeholders that are not values of the chart."""
    deployment, selector = values["deployment"], selector_labels(model, track)
    image = f"{deployment['image']['repository']}:{deployment['image']['tag']}"
    pod_labels = {**selector, **version_labels(values), "app.kubernetes.io/part-of": "kubeserve"}
    return {
        "name": object_name(model, track),
        "namespace": model.namespace,
        "labels": {**pod_labels, "app.kubernetes.io/managed-by": "kubeserve", OWNER_LABEL: owner},
        "podLabels": pod_labels | installs_label(values),
        "selectorLabels": selector,
        "annotations": identity(values),
        # With an autoscaler, an apply that contains replicas would reset its decision.
        "replicas": None if values["autoscaling"]["enabled"] else deployment["replicas"],
        "image": image,
        "downloadImage": values["download"]["image"] or image,
        "runtimeClassName": deployment["runtimeClassName"] or None,
        # True is the API server's default; older ones do not know the field.
        "hostUsers": None if deployment["hostUsers"] else False,
        "gracePeriod": grace_period(values["server"]),
        "serverEnv": server_env(values, model),
        "metrics": metrics(values["autoscaling"]),
        "requirementsVariable": requirements_variable(values["model"]["requirementsEtag"]),
        "inputFilesVariable": input_files_variable(values["model"]["inputFiles"]),
        **disk_limits(deployment),
        **packages_folder(values),
        **store_access(object_name(model, track), values),
        **authorities(object_name(model, track), values),
        **package_index(object_name(model, track), values),
        **proxy_variables(values["download"]),
        **exposure.placeholders(values, model, identity(values), trials),
    }


def grace_period(server: Mapping[str, Any]) -> int:
    """Return the seconds from SIGTERM to SIGKILL that let every accepted request be answered."""
    deadline = float(server.get("deadline", 0))
    return max(LEAST_GRACE, DRAIN + math.ceil(deadline) + LAST_PREDICTION)


def server_env(values: Mapping[str, Any], model: ModelId) -> list[dict[str, str]]:
    """Return the environment variables of the server's container."""
    variables = {"KUBESERVE_SERVER_NAME": values["model"]["name"] or model.name}
    variables |= {"KUBESERVE_SERVER_VERSION": values["model"]["version"]}
    variables |= {"KUBESERVE_SERVER_PACKAGES": "/packages"} if installs(values["model"]) else {}
    variables |= server_settings(values["server"])
    return [{"name": name, "value": value} for name, value in variables.items()]


def server_settings(chosen: Mapping[str, Any]) -> dict[str, str]:
    """Return the chart's `server` as environment variables: `batchRows` becomes `KUBESERVE_SERVER_BATCH_ROWS`."""
    return {
        f"KUBESERVE_SERVER_{CAPITAL.sub('_', name).upper()}": value if isinstance(value, str) else json_of(value)
        for name, value in sorted(plain(chosen).items())
    }


def json_of(value: Any) -> str:
    """Return a boolean, number or text as Helm's toJson writes it: with an exponent only below a millionth."""
    if not isinstance(value, float):
        return json.dumps(value)
    return format(Decimal(repr(value)), "f") if abs(value) >= MILLIONTH else repr(value).replace("e-0", "e-")


def needs_config_map(values: Mapping[str, Any]) -> bool:
    """Return whether the pods read a ConfigMap: for signed URLs, or for private certificate authorities."""
    return bool(values["model"]["signedFiles"] or values["model"]["s3CA"] or values["download"]["pipCA"])


def installs(model: Mapping[str, Any]) -> bool:
    """Return whether the pods have a container that installs: where the files are signed, only for a requirements.txt.

    By keys the download takes whatever lies next to the model, so it is not known whether there is one.
    """
    return bool(model["requirementsEtag"] or not model["signedFiles"])


def packages_folder(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the placeholders for the volume of the packages, which only the container that installs writes to."""
    deployment = values["deployment"]
    named = deployment["volumeLimits"].get("packages")
    limit = named or (deployment["resources"].get("limits") or {}).get("ephemeral-storage")
    found = {
        "packagesVolume": {"name": "packages", "emptyDir": {"sizeLimit": limit} if limit else {}},
        "packagesMount": {"name": "packages", "mountPath": "/packages", "readOnly": True},
    }
    variable = {"name": "KUBESERVE_VOLUME_LIMIT", "value": named} if named else None
    return (found if installs(values["model"]) else dict.fromkeys(found)) | {"packagesLimitVariable": variable}


def store_access(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the placeholders for the two ways to fetch: by the URLs that the watcher signed, or by keys of the store.

    The URLs are in a ConfigMap and the keys in a Secret, both of this `name`, and only the download reads them.
    """
    model = values["model"]
    found: dict[str, Any] = dict.fromkeys([*STORE_VARIABLES, "accessKey", "secretKey"])
    if files := model["signedFiles"]:
        source = {"configMapKeyRef": {"name": name, "key": signed_files.entry_name(files)}}
        return found | {
            "urlsVariable": {"name": "KUBESERVE_URLS", "valueFrom": source},
            "configAnnotations": identity(values) | {signed_files.FILES: files},
        }
    return found | {
        "endpointVariable": {"name": "KUBESERVE_ENDPOINT", "value": model["s3Endpoint"]},
        "secureVariable": {"name": "KUBESERVE_SECURE", "value": str(model["s3UseSSL"]).lower()},
        "accessKeyVariable": from_secret(name, "AWS_ACCESS_KEY_ID"),
        "secretKeyVariable": from_secret(name, "AWS_SECRET_ACCESS_KEY"),
        "accessKey": base64_of(model["s3AccessKey"]),
        "secretKey": base64_of(model["s3SecretKey"]),
        "configAnnotations": identity(values),
    }


def from_secret(name: str, variable: str) -> dict[str, Any]:
    """Return a container's variable that has its value from the entry of the same name in a Secret."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": variable}}}


def authorities(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the placeholders for private certificate authorities, of the store and of the package index.

    A certificate is no secret, so they are in the ConfigMap. A placeholder is None if its setting is empty.
    """
    of_store, of_index = values["model"]["s3CA"], values["download"]["pipCA"]
    names = [file for file, text in (("ca.crt", of_store), ("pip-ca.crt", of_index)) if text]
    volume = {"name": "ca", "configMap": {"name": name, "items": [{"key": file, "path": file} for file in names]}}
    return {
        "ca": of_store or None,
        "caVariable": {"name": "SSL_CERT_FILE", "value": "/ca/ca.crt"} if of_store else None,
        "pipCA": of_index or None,
        "pipCAVariable": {"name": "KUBESERVE_PIP_CERT", "value": "/ca/pip-ca.crt"} if of_index else None,
        "caMount": {"name": "ca", "mountPath": "/ca", "readOnly": True} if names else None,
        "caVolume": volume if names else None,
    }


def package_index(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the placeholders for the URL of the package index. Only where there is a Secret may it hold a password."""
    index, variable = values["download"]["pipIndexUrl"], "KUBESERVE_PIP_INDEX_URL"
    if not index:
        return {"pipIndexUrl": None, "pipIndexVariable": None}
    if values["model"]["signedFiles"]:
        return {"pipIndexUrl": None, "pipIndexVariable": {"name": variable, "value": index}}
    return {"pipIndexUrl": base64_of(index), "pipIndexVariable": from_secret(name, variable)}


def input_files(version: ModelVersion) -> dict[str, str]:
    """Return the ETag of each file about the input, by its name, as the chart has them."""
    return {item.key.rpartition("/")[2]: item.etag for item in version.input_files}


def input_files_text(files: Mapping[str, str]) -> str:
    """Return the files as the download reads them: `MLmodel=ETAG input-example.json=ETAG`."""
    return " ".join(f"{name}={etag}" for name, etag in sorted(files.items()))


def requirements_variable(etag: str) -> dict[str, str] | None:
    """Return the variable with the ETag of the requirements.txt that the download may accept; None for any, or none."""
    return {"name": "KUBESERVE_REQUIREMENTS_ETAG", "value": etag} if etag else None


def input_files_variable(files: Mapping[str, str]) -> dict[str, str] | None:
    """Return the init container's variable; None without files, so that other pods stay as they are."""
    return {"name": "KUBESERVE_INPUT_FILES", "value": input_files_text(files)} if files else None


def disk_limits(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the placeholders for the limits of the pod's disk. The download refuses what is above them."""
    volumes = deployment["volumeLimits"]
    model, limit = volumes.get("model"), (deployment["resources"].get("limits") or {}).get("ephemeral-storage")
    source = {"resourceFieldRef": {"resource": "limits.ephemeral-storage", "divisor": "1"}}
    variable = {"name": "KUBESERVE_DISK_LIMIT", "valueFrom": source}
    return {
        "diskLimitVariable": variable if limit else None,
        "volumeLimitVariable": {"name": "KUBESERVE_VOLUME_LIMIT", "value": model} if model else None,
        # A volume never holds more than the pod may.
        "modelVolumeLimit": model or limit,
        "tmpVolumeLimit": volumes.get("tmp") or limit,
    }


def proxy_variables(download: Mapping[str, Any]) -> dict[str, Any]:
    """Return the init container's proxy variables by placeholder; null for an empty setting."""
    return {
        f"{setting}Variable": {"name": variable, "value": download[setting]} if download[setting] else None
        for setting, variable in PROXY_VARIABLES.items()
    }


def selector_labels(model: ModelId, track: str = "") -> dict[str, str]:
    """Return the labels that select the pods. They are the same for every version, because a selector cannot change."""
    return {"app.kubernetes.io/name": "model-serving", "app.kubernetes.io/instance": instance_label(model, track)}


def version_labels(values: Mapping[str, Any]) -> dict[str, str]:
    version = version_label(values["model"]["version"])
    return {"app.kubernetes.io/component": "inference"} | ({"app.kubernetes.io/version": version} if version else {})


def installs_label(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the label of pods that install packages: a NetworkPolicy lets only these reach the package index."""
    return {INSTALLS_LABEL: "true"} if installs(values["model"]) else {}


def identity(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the artifact's identity as annotations. They are in the pod template too, so new bytes start a rollout."""
    model = values["model"]
    found = {
        S3_PATH: model["s3Path"],
        ETAG: model["etag"],
        VERSION: model["version"],
        "kubeserve.io/requirements-etag": model["requirementsEtag"],
    }
    return {key: value for key, value in found.items() if value}


def metrics(scaling: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics of the autoscaler; a metric without a target is left out."""
    targets = {
        "cpu": scaling.get("targetCPUUtilizationPercentage"),
        "memory": scaling.get("targetMemoryUtilizationPercentage"),
    }
    return [
        {
            "type": "Resource",
            "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": target}},
        }
        for name, target in targets.items()
        if target is not None
    ]


def fill(template: Any, scope: Mapping[str, Any]) -> Any:
    """Replace the placeholders of a parsed template by typed values; null drops the key or the list item.

    Raises:
        ValueError: The template contains an unknown placeholder.

    """
    if isinstance(template, dict):
        filled = {key: fill(value, scope) for key, value in template.items()}
        return {key: value for key, value in filled.items() if value is not None}
    if isinstance(template, list):
        return [item for item in (fill(item, scope) for item in template) if item is not None]
    found = PLACEHOLDER.fullmatch(template) if isinstance(template, str) else None
    return copy.deepcopy(look_up(found[1], scope)) if found else template


def look_up(path: str, scope: Mapping[str, Any]) -> Any:
    value: Any = scope
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise ValueError(f"unknown placeholder ${{{path}}} in the chart's objects")
        value = value[name]
    return value


def with_release(deployment: Manifest) -> Manifest:
    """Return the Deployment with the digest of its pod template as an annotation, which its pods have too.

    Only by it can pods of equal versions and unequal values be told apart.
    """
    template, digest = deployment["spec"]["template"], digest_of(deployment["spec"]["template"])
    pod = {**template, "metadata": annotated(template["metadata"], RELEASE, digest)}
    metadata = annotated(deployment["metadata"], RELEASE, digest)
    return {**deployment, "metadata": metadata, "spec": {**deployment["spec"], "template": pod}}


def digest_of(manifest: Any) -> str:
    """Return 16 hexadecimal digits that differ for unequal plain data."""
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def annotated(metadata: Mapping[str, Any], name: str, value: str) -> dict[str, Any]:
    """Return the metadata of an object with one more annotation."""
    return {**metadata, "annotations": {**metadata["annotations"], name: value}}


def with_fingerprint(manifest: Manifest) -> Manifest:
    """Return the manifest with its hash as an annotation.

    The hash decides whether to write. A comparison with the live object would always differ, because the API server
    adds defaults.

    """
    return {**manifest, "metadata": annotated(manifest["metadata"], FINGERPRINT, digest_of(manifest))}


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
