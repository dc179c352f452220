"""`kubeserve render`: the objects that the watcher would apply for one key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from watcher import settings_values
from watcher.core.catalog import read_listing
from watcher.core.ceilings import first_excess
from watcher.core.chart import defaults, merge
from watcher.core.load_policy import check_not_loosened, demand
from watcher.core.naming import parse_key
from watcher.core.plain_yaml import load_map
from watcher.core.render import render
from watcher.core.types import Entry, Manifest, ModelId, ModelVersion, Release, StoredObject
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
    base = settings_values.chart_values(settings)
    layers = [_values(file) for file in files] + [settings_values.assignment(text) for text in assignments]
    owner = settings_values.owner(settings, bucket_name)
    client = StoreClient(settings_values.endpoint(settings), settings_values.region_of(settings))
    store = settings_values.pod_store(settings, bucket_name, client.permanent_keys)
    ceilings = settings_values.ceilings(settings)
    bucket = S3Bucket(client, bucket_name)
    entry, found = _find(bucket, model, version, source)

    def read(file: StoredObject) -> bytes:
        return bucket.read(file.key, SIZE_LIMIT)

    demanded = demand(settings_values.data_only(settings), model.namespace)
    of_model, whole_base = model_values(entry, read), merge(defaults(), base)
    overrides = overrides_of(found, of_model, read, whole_base, ceilings, demanded=demanded)
    chosen = merge(base, overrides, *layers)
    manifests = render(Release(found), store, owner, chosen)
    if excess := first_excess(merge(defaults(), chosen), ceilings):
        raise Rejected("AboveCeiling", f"-f or --set: {refusal_of(excess, ceilings)}")
    check_not_loosened(merge(base, demanded), chosen, "-f or --set")
    # In the order in which `kubectl apply` should make them: no pod then waits for its Secret.
    return sorted(manifests, key=lambda manifest: manifest["kind"] != "Secret")


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
    found = next((item for item in entry.versions if item.version == version), None) if entry else None
    if entry is None or found is None:
        raise Rejected("NotFound", f"{source}: there is no such model in the bucket")
    if found.artifact.size == 0:
        raise Rejected("EmptyFile", f"{source} is empty: upload it again")
    return entry, found
