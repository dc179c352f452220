"""What the watcher writes beside each version, in a real MinIO."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from minio import MinioAdmin
from minio.credentials import StaticProvider

from .driving import Uploads, Watcher, eventually, model

SOURCE = "status-files"


@pytest.fixture
def watcher_of(minio_server: Any, bucket: Any, tmp_path: Path) -> Any:
    def make(*arguments: str, keys: tuple[str, str] = (minio_server.access_key, minio_server.secret_key)) -> Watcher:
        return Watcher(
            tmp_path / "watcher.log",
            *("--runtime", "local", "--state-dir", str(tmp_path / "state")),
            *("--s3-endpoint", minio_server.endpoint, "--bucket", bucket.name, *arguments),
            **dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), keys, strict=True)),
        )

    return make


def written(bucket: Any, version: str) -> dict[str, Any]:
    """Return the content of a version's file; {} if there is none yet."""
    key = f"team/iris/{version}/_status.json"
    if key not in {item.object_name for item in bucket.client.list_objects(bucket.name, recursive=True)}:
        return {}
    content: dict[str, Any] = json.loads(bucket.client.get_object(bucket.name, key).data)
    return content


def times(bucket: Any) -> dict[str, Any]:
    """Return when each file was written."""
    listed = bucket.client.list_objects(bucket.name, recursive=True)
    return {item.object_name: item.last_modified for item in listed if item.object_name.endswith("_status.json")}


def test_each_version_gets_a_file_which_costs_no_work_and_is_not_written_again_after_a_restart(
    watcher_of: Any, bucket: Any
) -> None:
    uploads = Uploads(bucket.client, bucket.name)
    uploads.put("team/iris/v1/model.joblib", model("one"))
    with watcher_of() as watcher:
        eventually(lambda: written(bucket, "v1").get("loaded"))
        uploads.put("team/iris/v2/model.joblib", b"broken")
        eventually(lambda: written(bucket, "v2").get("state") == "Failed")
        shown = watcher.model("iris")
        failed, good = written(bucket, "v2"), written(bucket, "v1")
        assert failed["reason"] == shown["reason"]
        assert (good["state"], good["serving"], good["url"]) == ("Ready", "v1", shown["url"])
        assert watcher.status()["refused"] == []
        uploads.put("team/iris/values.yaml", b'version: "v1"')
        eventually(lambda: watcher.state("iris") == "Ready")
    before = times(bucket)
    with watcher_of() as watcher:
        eventually(lambda: watcher.model("iris")["loaded"])
        eventually(lambda: watcher.model("iris")["versions"][0]["state"] == "Failed")  # read from the file
        assert watcher.model("iris")["versions"][0]["reason"] == failed["reason"]
        assert times(bucket)["team/iris/v2/_status.json"] == before["team/iris/v2/_status.json"]


def test_a_watcher_that_may_only_read_says_so_once_and_serves(watcher_of: Any, bucket: Any, minio_server: Any) -> None:
    user, password = f"user-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    root = StaticProvider(minio_server.access_key, minio_server.secret_key)
    admin = MinioAdmin(endpoint=minio_server.endpoint, credentials=root, secure=False)
    actions = ["s3:GetBucketLocation", "s3:ListBucket", "s3:GetObject", "s3:ListenBucketNotification"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": ["arn:aws:s3:::*"]}
    admin.policy_add(user, policy={"Version": "2012-10-17", "Statement": [statement]})
    admin.user_add(user, password)
    admin.attach_policy([user], user=user)
    Uploads(bucket.client, bucket.name).put("team/iris/v1/model.joblib", model("one"))
    with watcher_of(keys=(user, password)) as watcher:
        sources = eventually(
            lambda: {item["name"]: item for item in watcher.status()["sources"] if item["name"] == SOURCE}
        )
        assert not sources[SOURCE]["live"]
        assert "--no-write-status" in sources[SOURCE]["detail"]
        eventually(lambda: watcher.state("iris") == "Ready")
        assert watcher.get("/readyz").status == 200
        assert watcher.log.read_text().count("status files are not written") == 1
    assert times(bucket) == {}


def test_a_watcher_that_is_told_not_to_write_writes_nothing(watcher_of: Any, bucket: Any) -> None:
    Uploads(bucket.client, bucket.name).put("team/iris/v1/model.joblib", model("one"))
    with watcher_of("--no-write-status") as watcher:
        eventually(lambda: watcher.model("iris")["loaded"])
        assert SOURCE not in {item["name"] for item in watcher.status()["sources"]}
    assert times(bucket) == {}
