"""A push to the bucket: which version it becomes, whether that will serve, and the upload in the right order."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from watcher.client.bundle import SIDE_FILES, Bundle
from watcher.client.versions import next_version
from watcher.core.catalog import read_listing
from watcher.core.naming import ARTIFACT, MLFLOW_ARTIFACTS, VALUES, is_artifact, version_order, version_problem
from watcher.core.types import Entry, ModelId, ModelVersion, StoredObject
from watcher.errors import Rejected
from watcher.stores.base import Bucket, Progress, WritableBucket
from watcher.stores.etags import etags_of

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is about to be uploaded, and where."""

    model: ModelId
    version: str
    bundle: Bundle
    existing: tuple[StoredObject, ...] = ()
    """What the bucket has of this version already: it is replaced."""
    is_there: bool = False
    """Whether these are the very files of the bundle."""
    not_served: str = ""
    """Why the version will not serve, or ""."""

    @property
    def folder(self) -> str:
        """Return the prefix of the version's files."""
        return f"{self.model.prefix}{self.version}/"

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return self.bundle.size + sum(map(len, self.bundle.side_files.values()))


def planned(
    bucket: Bucket,
    model: ModelId,
    bundle: Bundle,
    *,
    version: str = AUTO,
    force: bool = False,
    today: date | None = None,
) -> Delivery:
    """Return the delivery of a bundle: its version is free, and its values are valid.

    Raises:
        Rejected: `VersionExists`, with other bytes and without `force`; `NoNextVersion`; `InvalidKey`; `InvalidValues`.
        Retryable, Rejected: the bucket cannot be read.

    """
    stored = bucket.list(model.prefix)
    found = _version(version, _folders(stored, model), today or datetime.now(UTC).date())
    delivery = Delivery(model, found, bundle)
    existing = tuple(item for item in stored if item.key.startswith(delivery.folder))
    exists = _has_model(existing)
    is_there = exists and same(delivery, existing)
    if exists and not is_there and not force:
        advice = f"push without --version for a new one, or with --force to overwrite {found}"
        raise Rejected("VersionExists", f"{model} has a version {found} already, with other files: {advice}")
    model_level = _model_level(bucket, stored, model)
    _check_values(delivery, model_level)
    entry = read_listing(stored).entries.get(model)
    return Delivery(model, found, bundle, existing, is_there, _not_served(found, entry, model_level))


def _has_model(existing: tuple[StoredObject, ...]) -> bool:
    keys = {item.key for item in existing}
    return any(is_artifact(key, keys) for key in keys)


def _folders(stored: list[StoredObject], model: ModelId) -> set[str]:
    """Return the versions that exist, also those whose push was interrupted: their files would count for a new one."""
    folders = {item.key.removeprefix(model.prefix).partition("/")[0] for item in stored if item.key.count("/") > 2}  # noqa: PLR2004 - the depth of a version's file
    return {name for name in folders if not version_problem(name)}


def _version(wanted: str, existing: set[str], today: date) -> str:
    if wanted == AUTO:
        return next_version(existing, today)
    if problem := version_problem(wanted):
        raise Rejected("InvalidKey", problem)
    return wanted


def same(delivery: Delivery, existing: tuple[StoredObject, ...]) -> bool:
    """Return whether the bucket has these very files already, by the ETags of an upload of ours."""
    wanted = {name: hashlib.md5(text).hexdigest() for name, text in delivery.bundle.side_files.items()}  # noqa: S324 - as S3's ETag
    counted = {ARTIFACT, *MLFLOW_ARTIFACTS, *SIDE_FILES}
    there = {item.key.rpartition("/")[2]: item.etag for item in existing}
    model = there.pop(ARTIFACT, "")
    are_same = wanted == {name: etag for name, etag in there.items() if name in counted}
    return are_same and model in etags_of(delivery.bundle.file)


def _model_level(bucket: Bucket, stored: list[StoredObject], model: ModelId) -> dict[str, Any]:
    """Return the content of the values.yaml one level up, which holds for all versions; {} without one."""
    from watcher.core import user_values  # noqa: PLC0415 - imports jsonschema

    key = model.prefix + VALUES
    if not any(item.key == key for item in stored):
        return {}
    return user_values.parse(bucket.read(key, user_values.SIZE_LIMIT), key, model_level=True)


def _check_values(delivery: Delivery, model_level: dict[str, Any]) -> None:
    """Check the values as the watcher will, except for the operator's ceilings, which only the watcher knows."""
    from watcher.core import user_values  # noqa: PLC0415 - as above
    from watcher.core.chart import defaults  # noqa: PLC0415 - as above

    text = delivery.bundle.side_files.get(VALUES)
    if text is None:
        return
    file = StoredObject(VALUES, "", len(text), datetime.now(UTC))
    version = ModelVersion(delivery.model, delivery.version, file, values=file)
    merged = user_values.overrides_of(version, model_level, lambda _: text, defaults(), {})
    disk = merged.get("deployment", {}).get("resources", {}).get("limits", {}).get("ephemeral-storage")
    if disk is not None:
        _check_disk(delivery.bundle.size, str(disk))


def _check_disk(size: int, disk: str) -> None:
    from watcher.core.ceilings import amount_of  # noqa: PLC0415 - imports the Kubernetes client

    if size > amount_of(disk) > 0:
        limit = "deployment.resources.limits.ephemeral-storage"
        raise Rejected("InvalidValues", f"{VALUES}: {limit} is {disk}, and the model alone has {size} bytes: raise it")


def _not_served(version: str, entry: Entry | None, model_level: Mapping[str, Any]) -> str:
    """Return why the watcher will not choose this version."""
    if model_level.get("paused"):
        return "values.yaml says paused: true"
    pinned = model_level.get("version")
    if pinned is not None:
        return "" if pinned == version else f"values.yaml pins version {pinned}"
    highest = entry.versions[-1].version if entry else version
    return f"{highest} is higher" if version_order(highest) > version_order(version) else ""


def upload(bucket: WritableBucket, delivery: Delivery, progress: Progress = lambda _: None) -> str:
    """Upload the files, the model last, so that the watcher never sees a part of a version. Return the model's ETag.

    Raises:
        Retryable, Rejected: the bucket cannot be written; some files may be there, and count for nothing by themselves.

    """
    side_files = delivery.bundle.side_files
    bucket.remove(sorted(item.key for item in delivery.existing if _is_left_over(item, side_files)))
    for name, content in sorted(side_files.items()):
        bucket.put(delivery.folder + name, content, progress)
    key = delivery.folder + ARTIFACT
    bucket.put(key, delivery.bundle.file, progress)
    listed = (item.etag for item in bucket.list(delivery.folder) if item.key == key)
    return next(listed, "") or etags_of(delivery.bundle.file)[0]  # a folder does not list files that are this young


def _is_left_over(item: StoredObject, side_files: Mapping[str, bytes]) -> bool:
    name = item.key.rpartition("/")[2]
    return name in {*MLFLOW_ARTIFACTS, *SIDE_FILES} and name not in side_files
