"""`kubeserve render` and `kubeserve diff`: the objects that the watcher would apply for one version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

from watcher import settings_values
from watcher.core import requirements
from watcher.core.catalog import read_listing
from watcher.core.ceilings import first_excess
from watcher.core.chart import defaults, merge
from watcher.core.load_policy import check_not_loosened, demand
from watcher.core.naming import ARTIFACT, parse_key
from watcher.core.nearest import unknown, unknown_model
from watcher.core.plain_yaml import load_map
from watcher.core.render import render
from watcher.core.types import Entry, Manifest, ModelId, ModelVersion, Release, Store, StoredObject
from watcher.core.user_values import SIZE_LIMIT, model_values, overrides_of, refusal_of
from watcher.errors import Rejected
from watcher.settings import Settings
from watcher.stores.base import Bucket
from watcher.stores.client import StoreClient
from watcher.stores.s3_bucket import S3Bucket


def render_one(
    settings: Settings, source: str, files: Iterable[BinaryIO], assignments: Iterable[str]
) -> list[Manifest]:
    """Return the objects that would be applied for `s3://BUCKET/KEY`.

    Everything that can be wrong by itself is read before the store is asked.

    Raises:
        Rejected: the source or a value is malformed, or there is no such model in the bucket.

    """
    bucket_name, model, version = _parts(source)
    settings_values.check_all(settings)
    layers = _layers(files, assignments)
    owner = settings_values.owner(settings, bucket_name)
    client = StoreClient(settings_values.endpoint(settings), settings_values.region_of(settings))
    store = settings_values.pod_store(settings, bucket_name)
    bucket = S3Bucket(client, bucket_name)
    entry, found = _find(bucket, model, version, source)
    return _objects(settings, Release(found, user_overrides(settings, bucket, entry, found)), layers, store, owner)


def render_unseen(
    settings: Settings, model: ModelId, version: str, files: Iterable[BinaryIO], assignments: Iterable[str]
) -> list[Manifest]:
    """Return the objects that a version would get if it were uploaded without a values.yaml. No store is asked.

    The artifact is not known, so its ETag is missing from the objects.

    Raises:
        Rejected: a name or a value is malformed.

    """
    key = f"{model.prefix}{version}/{ARTIFACT}"
    parse_key(key)
    settings_values.check_all(settings)
    store = settings_values.pod_store(settings, settings.bucket)
    found = ModelVersion(model, version, StoredObject(key, etag="", size=0, modified=datetime.fromtimestamp(0, UTC)))
    demanded = demand(settings_values.data_only(settings), model.namespace)
    owner = settings_values.owner(settings, settings.bucket)
    return _objects(settings, Release(found, demanded), _layers(files, assignments), store, owner)


def render_stored(settings: Settings, bucket: Bucket, entry: Entry, version: ModelVersion) -> list[Manifest]:
    """Return the objects of a version as the watcher would apply them.

    Raises:
        Rejected: a value is malformed, or above a ceiling.

    """
    settings_values.check_all(settings)
    store = settings_values.pod_store(settings, settings.bucket)
    release = Release(version, user_overrides(settings, bucket, entry, version))
    return _objects(settings, release, [], store, settings_values.owner(settings, settings.bucket))


def user_overrides(settings: Settings, bucket: Bucket, entry: Entry, version: ModelVersion) -> dict[str, Any]:
    """Return the chart values that the user's files in the bucket set for a version, over those that are demanded.

    Raises:
        Rejected: one of these files is refused, or the version's requirements.txt.

    """

    def read(file: StoredObject) -> bytes:
        return bucket.read(file.key, SIZE_LIMIT)

    base, ceilings = settings_values.chart_values(settings), settings_values.ceilings(settings)
    demanded = demand(settings_values.data_only(settings), entry.model.namespace)
    whole = merge(defaults(), base)
    requirements.check(version, whole, lambda file: bucket.read(file.key, requirements.READ_LIMIT))
    return overrides_of(version, model_values(entry, read), read, whole, ceilings, demanded=demanded)


def _objects(
    settings: Settings, release: Release, layers: Iterable[Mapping[str, Any]], store: Store, owner: str
) -> list[Manifest]:
    """Return the objects of a release, in the order in which `kubectl apply` should make them.

    The layers of -f and --set override the user's own values, within the operator's limits.
    """
    base, ceilings = settings_values.chart_values(settings), settings_values.ceilings(settings)
    chosen = merge(base, release.overrides, *layers)
    manifests = render(Release(release.version), store, owner, chosen)
    if excess := first_excess(merge(defaults(), chosen), ceilings):
        raise Rejected("AboveCeiling", f"-f or --set: {refusal_of(excess, ceilings)}")
    demanded = demand(settings_values.data_only(settings), release.model.namespace)
    check_not_loosened(merge(base, demanded), chosen, lambda _: "-f or --set")
    return sorted(manifests, key=lambda manifest: manifest["kind"] != "ConfigMap")  # which its pods read


def _layers(files: Iterable[BinaryIO], assignments: Iterable[str]) -> list[dict[str, Any]]:
    return [_values(file) for file in files] + [settings_values.assignment(text) for text in assignments]


def _parts(source: str) -> tuple[str, ModelId, str]:
    name, _, key = source.removeprefix("s3://").partition("/")
    if not source.startswith("s3://") or not key:
        raise Rejected("Malformed", f"{source}: expected s3://BUCKET/{{namespace}}/{{model}}/{{version}}/model.joblib")
    model, version, _ = parse_key(key)
    return settings_values.bucket_of(name, source), model, version


def _values(file: BinaryIO) -> dict[str, object]:
    with settings_values.named_in_errors(f"-f {file.name}"):
        try:
            return load_map(file.read())
        except OSError as error:
            raise Rejected("Malformed", str(error.strerror)) from error


def _find(bucket: Bucket, model: ModelId, version: str, source: str) -> tuple[Entry, ModelVersion]:
    entry = read_listing(bucket.list(model.prefix)).entries.get(model)
    if entry is None:
        raise Rejected(
            "NotFound", f"{source}: {unknown_model(str(model), map(str, read_listing(bucket.list()).entries))}"
        )
    found = next((item for item in entry.versions if item.version == version), None)
    if found is None:
        raise Rejected(
            "NotFound", f"{source}: {unknown('version', version, [item.version for item in entry.versions])}"
        )
    if found.artifact.size == 0:
        raise Rejected("EmptyFile", f"{source} is empty: upload it again")
    return entry, found
