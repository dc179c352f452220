"""What the text settings mean: each as a value, or as one sentence that names the setting and what is expected."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from watcher.core.ceilings import QUANTITY, Ceilings, amount_of, first_excess, parse
from watcher.core.chart import check, defaults, merge
from watcher.core.exposure import shared_address
from watcher.core.load_policy import ALL
from watcher.core.naming import LABEL_LIMIT, namespace_problem
from watcher.core.plain_yaml import MAX_DEPTH, load, load_map
from watcher.core.text import one_line
from watcher.core.types import Manifest, Store
from watcher.errors import Rejected
from watcher.settings import Settings
from watcher.stores.endpoint import Endpoint, bucket_problem, default_owner
from watcher.stores.folder import folder_of

LEAST_MODEL_MEMORY = 4 * 1024**3
"""Bytes. NumPy and its threads reserve one or two gigabytes of addresses, and use little of them."""

READABLE_INDEX = (
    "download.pipIndexUrl has a user or password, which everyone in the models' namespaces could read: use an index "
    "that needs none inside the cluster, such as a mirror with a network policy"
)
POD_KEYS = "KUBESERVE_POD_AWS_ACCESS_KEY_ID and KUBESERVE_POD_AWS_SECRET_ACCESS_KEY"


@contextmanager
def named_in_errors(setting: str) -> Iterator[None]:
    """Put the name of a setting before the sentence of an error that it causes."""
    try:
        yield
    except Rejected as error:
        raise Rejected(error.reason, f"{setting}: {error}") from error


def check_all(settings: Settings) -> None:
    """Raise Rejected for the first setting that is wrong by itself, before any network is used."""
    if folder(settings) is None:
        endpoint(settings)
        region_of(settings)
        bucket_of(settings.bucket, "--bucket")
        certificates(os.environ)
    elif settings.runtime != "local":
        raise Rejected("Malformed", f"--store {settings.store}: pods cannot reach a folder: set --runtime local")
    if settings.runtime == "kubernetes":
        pod_endpoint(settings)
        pod_keys(settings)
        owner(settings, settings.bucket)
    namespaces(settings)
    data_only(settings)
    prometheus_url(settings)
    chart_values(settings)
    network_policies(settings)
    ceilings(settings)
    model_memory(settings)


def model_memory(settings: Settings) -> int:
    """Return the bytes of address space that one model of the local runtime may have."""
    text = settings.model_memory
    if not text:
        return max(LEAST_MODEL_MEMORY, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    if not QUANTITY.fullmatch(text) or not (amount := amount_of(text)):
        raise Rejected("Malformed", f"--model-memory '{one_line(text, 60)}': expected a quantity such as 8Gi")
    return int(amount)


def endpoint(settings: Settings) -> Endpoint:
    """Return where the watcher reaches the store."""
    with named_in_errors("--s3-endpoint"):
        return Endpoint.of(settings.s3_endpoint, secure=settings.s3_secure)


def pod_endpoint(settings: Settings) -> Endpoint:
    """Return where the pods reach the store."""
    if not settings.pod_s3_endpoint:
        return endpoint(settings)
    with named_in_errors("--pod-s3-endpoint"):
        return Endpoint.of(settings.pod_s3_endpoint, secure=settings.s3_secure)


def bucket_of(name: str, setting: str) -> str:
    """Return the name of a bucket, if it can be one."""
    if problem := bucket_problem(name):
        raise Rejected("Malformed", f"{setting}: {problem}")
    return name


def region_of(settings: Settings) -> str:
    """Return the region. Empty: the client asks the store for the bucket's region."""
    if settings.s3_region and not re.fullmatch(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?", settings.s3_region):
        expected = "expected lower-case letters, digits, '-' and '_', such as us-east-1"
        raise Rejected("Malformed", f"--s3-region: '{settings.s3_region}' is not a region: {expected}")
    return settings.s3_region


def folder(settings: Settings) -> Path | None:
    """Return the folder that stands in for the bucket; None if the store is S3."""
    return folder_of(settings.store)


def namespaces(settings: Settings) -> tuple[str, ...]:
    """Return the namespaces to serve; none means all."""
    found = tuple(name.strip() for name in settings.namespaces.split(",") if name.strip())
    for name in found:
        if problem := namespace_problem(name):
            raise Rejected("Malformed", f"--namespaces: {problem}")
    return found


def data_only(settings: Settings) -> frozenset[str]:
    """Return the namespaces whose models are loaded as data only, or the word for all."""
    found = frozenset(name.strip() for name in settings.data_only.split(",") if name.strip())
    for name in sorted(found - {ALL}):
        if problem := namespace_problem(name):
            raise Rejected("Malformed", f"--data-only: {problem}")
    return found


def prometheus_url(settings: Settings) -> str:
    """Return the URL of a Prometheus, "" for none."""
    url = settings.prometheus_url
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query):
        expected = "expected a URL without user and query, such as http://prometheus.monitoring:9090"
        raise Rejected("Malformed", f"--prometheus-url: {expected}")
    return url


def owner(settings: Settings, bucket: str) -> str:
    """Return the value of the label that marks a watcher's objects. `run` and `render` use the same one."""
    if not settings.owner:
        return default_owner(bucket, endpoint(settings))
    form = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
    if len(settings.owner) > LABEL_LIMIT or not re.fullmatch(form, settings.owner):
        expected = f"expected letters, digits, '.', '_' and '-', {LABEL_LIMIT} characters at most"
        raise Rejected("Malformed", f"--owner: '{settings.owner}' is not a label's value: {expected}")
    return settings.owner


def former_owner(settings: Settings) -> str:
    """Return the default owner of earlier versions, the bucket's name, whose objects are adopted (ADR 12)."""
    return "" if settings.owner else settings.bucket


def pod_keys(settings: Settings) -> tuple[str, str] | None:
    """Return the keys that sign the URLs by which pods fetch models; None for the watcher's own."""
    keys = settings.pod_aws_access_key_id, settings.pod_aws_secret_access_key
    if any(keys) != all(keys):
        raise Rejected("Malformed", f"{POD_KEYS}: set both, or neither")
    return keys if all(keys) else None


def pod_store(settings: Settings, bucket: str) -> Store:
    """Return how pods reach the bucket."""
    place = pod_endpoint(settings)
    return Store(bucket, place.host, place.secure)


def certificates(environment: Mapping[str, str]) -> None:
    """Raise Rejected if AWS_CA_BUNDLE names a file without certificates: every connection would fail."""
    if path := environment.get("AWS_CA_BUNDLE"):
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:
            cause = "not a PEM file of certificates" if isinstance(error, ssl.SSLError) else error.strerror
            raise Rejected("Malformed", f"AWS_CA_BUNDLE: {path}: {cause}") from error


def chart_values(settings: Settings) -> dict[str, Any]:
    """Return the operator's values for every model, checked here and not once for each model."""
    if not settings.chart_values:
        return {}
    with named_in_errors(f"--chart-values {settings.chart_values}"):
        try:
            values = load_map(Path(settings.chart_values).read_bytes())
        except OSError as error:
            raise Rejected("Malformed", str(error.strerror)) from error
        whole = merge(defaults(), values)
        check(whole)
        if "@" in urlsplit(whole["download"]["pipIndexUrl"]).netloc:
            raise Rejected("InvalidValues", READABLE_INDEX)
        if problem := shared_address(whole, namespaces(settings)):
            raise Rejected("InvalidValues", problem)
        return values


def network_policies(settings: Settings) -> tuple[Manifest, ...]:
    """Return the NetworkPolicies for each namespace with models, without the namespace."""
    if not settings.network_policies:
        return ()
    with named_in_errors(f"--network-policies {settings.network_policies}"):
        try:
            found = load_map(Path(settings.network_policies).read_bytes()).get("policies")
        except OSError as error:
            raise Rejected("Malformed", str(error.strerror)) from error
        if not isinstance(found, list) or not all(map(is_network_policy, found)):
            raise Rejected("Malformed", 'expected {"policies": […]} with NetworkPolicies that have a name and a spec')
        return tuple(found)


def is_network_policy(item: Any) -> bool:
    """Return whether plain data has the form of a NetworkPolicy. The API server checks the rest."""
    if not isinstance(item, dict) or item.get("kind") != "NetworkPolicy":
        return False
    metadata = item.get("metadata")
    return isinstance(metadata, dict) and isinstance(metadata.get("name"), str) and isinstance(item.get("spec"), dict)


def ceilings(settings: Settings) -> Ceilings:
    """Return the operator's ceilings, which the operator's own values respect: otherwise no model could be served."""
    with named_in_errors("--ceilings"):
        found = parse(settings.ceilings)
        if excess := first_excess(merge(defaults(), chart_values(settings)), found):
            ceiling = f"{excess.name}={found[excess.name]}"
            advice = "raise the ceiling, or set a smaller value in --chart-values (the chart's modelValues)"
            raise Rejected("AboveCeiling", f"{ceiling}: {excess.path} {excess.value} for every model: {advice}")
        return found


def assignment(text: str) -> dict[str, Any]:
    """Return `a.b=c` as {"a": {"b": c}}, the value read as YAML."""
    path, equals, value = text.partition("=")
    setting = f"--set {one_line(text, 100)}"
    if not equals or not all(path.split(".")):
        raise Rejected("Malformed", f"{setting}: expected a.b=c")
    if path.count(".") >= MAX_DEPTH:
        raise Rejected("Malformed", f"{setting}: a path of more than {MAX_DEPTH} names")
    with named_in_errors(setting):
        result: Any = load(value.encode(errors="surrogateescape"))
    for name in reversed(path.split(".")):
        result = {name: result}
    return dict(result)
