from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from hashlib import md5
from pathlib import Path

import pytest

from watcher.client.bundle import Bundle
from watcher.client.delivery import Delivery, planned, same, upload
from watcher.core.types import ModelId, StoredObject
from watcher.errors import Rejected
from watcher.stores.etags import SMALLEST_PART

IRIS = ModelId("team", "iris")
TODAY = date(2026, 11, 30)


class Bucket:
    """A bucket in memory, which remembers what was done to it."""

    name = "models"

    def __init__(self, **files: str) -> None:
        self.files: dict[str, bytes] = {}
        self.done: list[str] = []

    def list(self, prefix: str = "") -> list[StoredObject]:
        return [
            StoredObject(key, md5(text).hexdigest(), len(text), datetime.now(UTC))
            for key, text in self.files.items()
            if key.startswith(prefix)
        ]

    def read(self, key: str, limit: int) -> bytes:
        return self.files[key][: limit + 1]

    def put(self, key: str, content: bytes | Path, progress: object = None) -> None:
        self.files[key] = content if isinstance(content, bytes) else content.read_bytes()
        self.done.append(f"put {key}")

    def remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            del self.files[key]
            self.done.append(f"remove {key}")

    def source(self, key: str) -> str:
        return f"s3://models/{key}"

    def close(self) -> None:
        pass


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    (tmp_path / "iris.joblib").write_bytes(b"bytes of a model")
    return Bundle(tmp_path / "iris.joblib")


def with_files(bundle: Bundle, **files: bytes) -> Bundle:
    return Bundle(bundle.file, {name.replace("_", "."): content for name, content in files.items()})


def test_upload_puts_the_model_last(bucket: Bucket, bundle: Bundle) -> None:
    whole = with_files(bundle, values_yaml=b"server: {maxValues: 5}", requirements_txt=b"xgboost==3.0")
    etag = upload(bucket, planned(bucket, IRIS, whole, today=TODAY))
    assert bucket.done == [f"put team/iris/v1/{name}" for name in ("requirements.txt", "values.yaml", "model.joblib")]
    assert etag == md5(b"bytes of a model").hexdigest()


def test_planned_takes_the_version_after_the_highest_and_after_an_interrupted_push(
    bucket: Bucket, bundle: Bundle
) -> None:
    bucket.files = {"team/iris/v2/model.joblib": b"m", "team/iris/values.yaml": b"", "team/iris2/v9/model.joblib": b"m"}
    assert planned(bucket, IRIS, bundle, today=TODAY).version == "v3"
    bucket.files["team/iris/v3/requirements.txt"] = b"xgboost"
    assert planned(bucket, IRIS, bundle, today=TODAY).version == "v4"


def test_planned_refuses_an_existing_version_with_other_bytes(bucket: Bucket, bundle: Bundle) -> None:
    bucket.files = {"team/iris/v1/model.joblib": b"other", "team/iris/v1/requirements.txt": b"xgboost"}
    with pytest.raises(Rejected, match="team/iris has a version v1 already, with other files: push without --version"):
        planned(bucket, IRIS, bundle, version="v1")
    upload(bucket, planned(bucket, IRIS, bundle, version="v1", force=True))
    assert bucket.done == ["remove team/iris/v1/requirements.txt", "put team/iris/v1/model.joblib"]
    assert planned(bucket, IRIS, bundle, version="v1").is_there  # the same bytes are no conflict


@pytest.mark.parametrize(
    ("values", "version", "expected"),
    [
        (b"", "auto", ""),
        (b"", "v3", "v4 is higher"),
        (b'version: "v4"', "auto", "values.yaml pins version v4"),
        (b'version: "v5"', "auto", ""),
        (b"paused: true", "auto", "values.yaml says paused: true"),
    ],
)
def test_planned_says_why_the_version_will_not_serve(
    values: bytes, version: str, expected: str, bucket: Bucket, bundle: Bundle
) -> None:
    bucket.files = {"team/iris/v4/model.joblib": b"m"}
    if values:
        bucket.files["team/iris/values.yaml"] = values
    assert planned(bucket, IRIS, bundle, version=version).not_served == expected


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (b"deployment: {image: {tag: new}}", "deployment: Additional properties are not allowed"),
        (b"paused: true", "paused belongs in the values.yaml one level up"),
        (b"autoscaling: {minReplicas: 9}", "autoscaling.minReplicas (9) is above autoscaling.maxReplicas (5)"),
        (
            b"deployment: {resources: {limits: {ephemeral-storage: '8'}}}",
            "deployment.resources.limits.ephemeral-storage is 8, and the model alone has 16 bytes: raise it",
        ),
    ],
)
def test_planned_refuses_values_that_the_watcher_would_reject(
    values: bytes, problem: str, bucket: Bucket, bundle: Bundle
) -> None:
    with pytest.raises(Rejected) as caught:
        planned(bucket, IRIS, with_files(bundle, values_yaml=values), today=TODAY)
    assert problem in str(caught.value)
    assert bucket.done == []


def test_planned_refuses_a_version_that_cannot_be_one(bucket: Bucket, bundle: Bundle) -> None:
    with pytest.raises(Rejected, match="version 'a/b' is not valid"):
        planned(bucket, IRIS, bundle, version="a/b")


def test_same_recognizes_a_model_that_was_uploaded_in_parts(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "large.joblib").write_bytes(b"x" * (SMALLEST_PART + 1))
    large = Bundle(tmp_path / "large.joblib")
    parts = md5(md5(b"x" * SMALLEST_PART).digest() + md5(b"x").digest()).hexdigest()
    stored = StoredObject("team/iris/v1/model.joblib", f"{parts}-2", SMALLEST_PART + 1, datetime.now(UTC))
    assert same(Delivery(IRIS, "v1", large), (stored,))
    assert not same(Delivery(IRIS, "v1", bundle), (stored,))
