from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3

from watcher.errors import Rejected, Retryable
from watcher.stores.client import StoreClient
from watcher.stores.credentials import OwnCredentials
from watcher.stores.s3_bucket import S3Bucket

from .fake_store import Handler, error, fake_store, listing


@pytest.fixture
def own() -> OwnCredentials:
    return OwnCredentials(lambda _: urllib3.PoolManager(retries=False))


@pytest.fixture
def shared_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    path = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    return path


def write(path: Path, key: str) -> None:
    path.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = s\n")


def test_retrieve_a_rewritten_file_counts_from_the_next_request(own: OwnCredentials, shared_file: Path) -> None:
    for key in ("old", "new"):
        write(shared_file, key)
        assert own.retrieve().access_key == key


def test_retrieve_without_any_says_what_was_tried(own: OwnCredentials, shared_file: Path) -> None:
    with pytest.raises(Retryable, match=f"set AWS_ACCESS_KEY_ID.*{shared_file}.*AWS_EC2_METADATA_DISABLED"):
        own.retrieve()


def test_retrieve_half_of_the_variables_is_rejected(own: OwnCredentials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")
    with pytest.raises(Rejected, match="set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        own.retrieve()


@pytest.mark.parametrize("text", ["no section\n", "[default]\n[default]\n", "\x00\xff"])
def test_retrieve_a_malformed_file_is_an_error_without_its_text(
    own: OwnCredentials, shared_file: Path, text: str
) -> None:
    shared_file.write_text(text)
    with pytest.raises((Rejected, Retryable), match="credentials") as caught:
        own.retrieve()
    assert "no section" not in str(caught.value)


def test_a_refused_role_is_asked_for_new_credentials(shared_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    issued: list[str] = []

    def metadata(request: Handler) -> None:
        issued.append(f"key{len(issued)}")
        expiration = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"AccessKeyId": issued[-1], "SecretAccessKey": "s", "Token": "t", "Expiration": expiration}
        request.send(200, json.dumps(body).encode(), Content_Type="application/json")

    def store(request: Handler) -> None:
        if "key1/" in request.headers["Authorization"]:
            request.send(200, listing(["a"]))
        else:
            request.send(403, error("InvalidAccessKeyId"))

    with fake_store(metadata) as platform, fake_store(store) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{platform.endpoint.url}/role")
        bucket = S3Bucket(StoreClient(server.endpoint, "us-east-1"), "models")
        with pytest.raises(Rejected, match="the access key is unknown there"):
            bucket.list()
        assert [item.key for item in bucket.list()] == ["a"]
        bucket.list()
        bucket.close()
    assert issued == ["key0", "key1"]
