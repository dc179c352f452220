"""Pods fetch by signed URLs: a real MinIO, a real API server, and the real download in the place of a pod's."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from minio import MinioAdmin
from minio.commonconfig import ENABLED
from minio.credentials import AssumeRoleProvider, StaticProvider
from minio.versioningconfig import VersioningConfig

from server.download.by_urls import PYTHON
from watcher.core.signed_files import SIGNED, SignedFile
from watcher.stores.client import StoreClient
from watcher.stores.endpoint import Endpoint
from watcher.stores.signer import UrlSigner

from . import proxies
from .conftest import Bucket
from .driving import eventually
from .kubernetes_setup import ALL_FOUR, Setup, names

NAME = "iris-model-serving"
KEY = "team/iris/v1/model.joblib"


class Pod:
    """The download of a pod, which gets what the kubelet would give it: an entry of the ConfigMap, and no keys."""

    def __init__(self, folder: Path, source: str, urls: str, etag: str = "") -> None:
        self.to, message = folder / f"pod-{secrets.token_hex(4)}", folder / "message"
        message.write_text("")
        env = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        env |= {
            "KUBESERVE_URLS": urls,
            "KUBESERVE_SOURCE": source,
            "KUBESERVE_TO": str(self.to),
            "KUBESERVE_ETAG": etag,
        }
        env |= {"KUBESERVE_TERMINATION_LOG": str(message)}
        done = subprocess.run(
            [sys.executable, "-m", "server.download"], env=env, capture_output=True, text=True, timeout=180, check=False
        )
        self.code, self.log, self.message = done.returncode, done.stderr, message.read_text()
        for secret in ("X-Amz-Signature", "X-Amz-Credential", "Traceback"):
            assert secret not in self.log + self.message

    @property
    def model(self) -> bytes:
        return (self.to / "model.joblib").read_bytes()


def data_of(setup: Setup) -> dict[str, str]:
    return setup.cluster.core.read_namespaced_config_map(NAME, setup.cluster.namespace).data or {}


def signed(setup: Setup) -> dict[str, Any]:
    """Return what the ConfigMap's annotation says of its URLs."""
    found = setup.cluster.core.read_namespaced_config_map(NAME, setup.cluster.namespace)
    return json.loads(found.metadata.annotations[SIGNED])


def entry_of(template: Any) -> str:
    """Return the entry of the ConfigMap that a pod template names."""
    env = template.spec.init_containers[0].env
    return next(item.value_from.config_map_key_ref.key for item in env if item.name == "KUBESERVE_URLS")


def current_entry(setup: Setup) -> str:
    return entry_of(setup.cluster.deployment("iris").spec.template)


def start_pod(setup: Setup, folder: Path, entry: str) -> Pod:
    return Pod(folder, f"s3://{setup.uploads.bucket}/any", data_of(setup)[entry])


def until_signed(setup: Setup, by_other_than: str = "") -> str:
    """Wait until the URLs of the current release are there, and return the name of the key that signed them."""
    return eventually(
        lambda: (found := signed(setup)["by"]) != by_other_than and current_entry(setup) in data_of(setup) and found
    )


def test_pods_of_the_new_and_of_the_old_release_fetch_without_keys(setup: Setup, tmp_path: Path) -> None:
    setup.put("iris/v1/model.joblib", b"the first")
    setup.put("iris/v1/requirements.txt", b"# nothing\n")
    with setup.watcher() as watcher:
        until_signed(setup)
        assert names(setup.cluster) == ALL_FOUR  # and no Secret
        old = current_entry(setup)
        pod = start_pod(setup, tmp_path, old)
        assert (pod.code, pod.model) == (0, b"the first"), pod.log
        assert (pod.to / "requirements.txt").exists()
        setup.put("iris/v2/model.joblib", b"the second")
        new = eventually(lambda: (entry := current_entry(setup)) != old and entry)
        pods = [start_pod(setup, tmp_path, entry) for entry in (old, new)]
        assert [pod.model for pod in pods] == [b"the first", b"the second"]
        shown = json.dumps(watcher.status()) + watcher.get("/metrics").data.decode()
        events = setup.cluster.core.list_namespaced_event(setup.cluster.namespace)
        assert "X-Amz-" not in shown + str(events) + watcher.log.read_text()
    # The watcher is away: the store is asked directly.
    assert start_pod(setup, tmp_path, new).model == b"the second"


@pytest.mark.parametrize("change", ["expired", "edited", "lost"])
def test_urls_are_signed_again_after_a_time_away_without_a_rollout(setup: Setup, tmp_path: Path, change: str) -> None:
    setup.put("iris/v1/model.joblib", b"bytes")
    core, place = setup.cluster.core, (NAME, setup.cluster.namespace)
    with setup.watcher():
        until_signed(setup)
    entry, before, generation = (
        current_entry(setup),
        data_of(setup),
        setup.cluster.deployment("iris").metadata.generation,
    )
    if change == "expired":
        about = signed(setup) | {"renew": "2026-01-01T00:00:00+00:00"}
        core.patch_namespaced_config_map(*place, {"metadata": {"annotations": {SIGNED: json.dumps(about)}}})
    else:
        core.patch_namespaced_config_map(*place, {"data": {entry: "{}" if change == "edited" else None}})
    setup.put("iris/values.yaml", b"paused: true")
    with setup.watcher() as watcher:
        eventually(lambda: watcher.state("iris") == "Paused")
        eventually(lambda: signed(setup)["renew"] > "2026-02" and "X-Amz-" in data_of(setup)[entry])
    assert data_of(setup).keys() == before.keys()
    assert setup.cluster.deployment("iris").metadata.generation == generation
    assert start_pod(setup, tmp_path, entry).model == b"bytes"


def test_urls_follow_a_changed_key_pair_without_a_restart_and_without_a_rollout(
    setup: Setup, bucket: Bucket, tmp_path: Path
) -> None:
    admin = MinioAdmin(
        endpoint=bucket.server.endpoint,
        credentials=StaticProvider(bucket.server.access_key, bucket.server.secret_key),
        secure=False,
    )
    users = [f"user-{secrets.token_hex(6)}" for _ in range(2)]
    for user in users:
        admin.user_add(user, "secret-of-the-user")
        admin.attach_policy(["readwrite"], user=user)
    keys = tmp_path / "credentials"

    def use(user: str) -> None:
        keys.write_text(f"[default]\naws_access_key_id = {user}\naws_secret_access_key = secret-of-the-user\n")

    use(users[0])
    setup.put("iris/v1/model.joblib", b"bytes")
    env = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SHARED_CREDENTIALS_FILE": str(keys)}
    with setup.watcher(**env):
        first = until_signed(setup)
        old, entry = data_of(setup)[current_entry(setup)], current_entry(setup)
        use(users[1])
        until_signed(setup, by_other_than=first)
    admin.user_remove(users[0])
    assert setup.cluster.deployment("iris").metadata.generation == 1
    refused = eventually(lambda: (pod := Pod(tmp_path, "s3://bucket/any", old)).code and pod)
    assert "the watcher's access key, which signed the URL, is unknown to the store now" in refused.message
    assert start_pod(setup, tmp_path, entry).model == b"bytes"


def test_temporary_credentials_sign_for_no_longer_than_an_hour(setup: Setup, bucket: Bucket, tmp_path: Path) -> None:
    keys = AssumeRoleProvider(
        sts_endpoint=bucket.server.url, access_key=bucket.server.access_key, secret_key=bucket.server.secret_key
    ).retrieve()
    setup.put("iris/v1/model.joblib", b"bytes")
    env = {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
    with setup.watcher(AWS_SESSION_TOKEN=str(keys.session_token), **env):
        until_signed(setup)
    assert "X-Amz-Expires=3600&" in data_of(setup)[current_entry(setup)]
    assert start_pod(setup, tmp_path, current_entry(setup)).model == b"bytes"


def test_digest_that_a_pod_reports_is_recorded_for_the_next(setup: Setup, tmp_path: Path) -> None:
    setup.put("iris/v1/model.joblib", b"the bytes")
    with setup.watcher():
        until_signed(setup)
        entry = current_entry(setup)
        report(setup, start_pod(setup, tmp_path, entry).message)
        eventually(lambda: json.loads(data_of(setup)[entry])["model.joblib"]["sha256"])
    again = start_pod(setup, tmp_path, entry)
    assert (again.code, again.model) == (0, b"the bytes")


def test_packages_that_the_first_pod_installed_are_those_of_the_next(setup: Setup, tmp_path: Path) -> None:
    setup.put("iris/v1/requirements.txt", b"wanted\n")
    setup.put("iris/v1/model.joblib", b"the bytes")
    with setup.watcher():
        until_signed(setup)
        entry = current_entry(setup)
        first = start_pod(setup, tmp_path, entry)
        assert not (first.to / "resolved.txt").exists()
        report_installed(setup, entry, "wanted==0.1", "2.7")
        of_another_python = start_pod(setup, tmp_path, entry)
        assert not (of_another_python.to / "resolved.txt").exists()
        report_installed(setup, entry, "needed==2.0 wanted==1.0", PYTHON)
    again = start_pod(setup, tmp_path, entry)
    assert (again.to / "requirements.txt").read_text() == "wanted\n"
    assert (again.to / "resolved.txt").read_text() == "needed==2.0\nwanted==1.0"


def report_installed(setup: Setup, entry: str, packages: str, python: str) -> None:
    """Let a pod say what it has installed, and wait until the watcher has stored it."""
    report(setup, json.dumps({"packages": packages, "python": python}), "install")
    eventually(lambda: json.loads(data_of(setup)[entry])["requirements.txt"]["installed"].get(python))


def report(setup: Setup, message: str, container: str = "download-model") -> None:
    """Let a pod say what one of its init containers has said."""
    core, namespace = setup.cluster.core, setup.cluster.namespace
    (pod,) = eventually(lambda: core.list_namespaced_pod(namespace).items)
    ended = {"exitCode": 0, "message": message, "startedAt": None, "finishedAt": None}
    status = {
        "name": container,
        "image": "i",
        "imageID": "i",
        "ready": True,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    core.patch_namespaced_pod_status(pod.metadata.name, namespace, {"status": {"initContainerStatuses": [status]}})


@pytest.fixture
def signer(bucket: Bucket) -> Iterator[UrlSigner]:
    place = Endpoint.of(bucket.server.endpoint, secure=False)
    client = StoreClient(place, "us-east-1", keys=(bucket.server.access_key, bucket.server.secret_key))
    yield UrlSigner(client, bucket.name, place)
    client.close()


def put(bucket: Bucket, data: bytes) -> SignedFile:
    written = bucket.client.put_object(bucket.name, KEY, io.BytesIO(data), len(data))
    return SignedFile(KEY, str(written.etag))


def urls_of(signer: UrlSigner, file: SignedFile, life: timedelta | None = None) -> str:
    key = signer.key()
    ready = signer.signed(file, replace(key, life=life or key.life))
    return json.dumps({"model.joblib": {"urls": ready.urls, "sha256": ready.sha256}})


def test_expired_url_is_named(bucket: Bucket, signer: UrlSigner, tmp_path: Path) -> None:
    urls = urls_of(signer, put(bucket, b"bytes"), timedelta(seconds=1))
    pod = eventually(lambda: (found := Pod(tmp_path, f"s3://{bucket.name}/{KEY}", urls)).code and found)
    assert pod.message == (
        f"s3://{bucket.name}/{KEY}: the URL that the watcher signed has expired: "
        "does the watcher run, and reach the cluster?"
    )


def test_other_bytes_behind_the_same_etag_are_refused(bucket: Bucket, signer: UrlSigner, tmp_path: Path) -> None:
    file = replace(put(bucket, b"the bytes"), sha256=hashlib.sha256(b"the bytes").hexdigest())
    with proxies.altering(bucket.server.endpoint, lambda _, answer: (*answer[:2], b"bad bytes")) as proxy:
        through = UrlSigner(signer._client, bucket.name, Endpoint.of(proxy, secure=False))
        pod = Pod(tmp_path, f"s3://{bucket.name}/{KEY}", urls_of(through, file), etag=file.etag)
    assert (pod.code, (pod.to / "model.joblib").exists()) == (1, False), pod.log
    assert "its bytes are not those that were fetched before" in pod.message


def test_url_is_for_one_object_and_for_reading(bucket: Bucket, signer: UrlSigner) -> None:
    (url,) = json.loads(urls_of(signer, put(bucket, b"bytes")))["model.joblib"]["urls"]
    pool = bucket.client._http
    assert pool.request("GET", url).status == 200
    assert pool.request("PUT", url, body=b"mine").status == 403
    assert pool.request("DELETE", url).status == 403
    assert pool.request("GET", url.replace("/v1/", "/v2/")).status == 403


def test_bucket_with_versions_keeps_the_bytes_of_an_older_release(
    bucket: Bucket, signer: UrlSigner, tmp_path: Path
) -> None:
    bucket.client.set_bucket_versioning(bucket.name, VersioningConfig(ENABLED))
    file = signer.looked_up(put(bucket, b"the old bytes"))
    put(bucket, b"the new bytes")
    pod = Pod(tmp_path, f"s3://{bucket.name}/{KEY}", urls_of(signer, file), etag=file.etag)
    assert (pod.code, pod.model) == (0, b"the old bytes"), pod.log
    bucket.client.remove_object(bucket.name, KEY, version_id=file.version_id)
    gone = Pod(tmp_path, f"s3://{bucket.name}/{KEY}", urls_of(signer, file), etag=file.etag)
    assert "the object has changed" in gone.message
    put(bucket, b"the old bytes")  # the same bytes, as another version
    back = Pod(tmp_path, f"s3://{bucket.name}/{KEY}", urls_of(signer, file), etag=file.etag)
    assert (back.code, back.model) == (0, b"the old bytes"), back.log


def test_looked_up_takes_the_checksum_of_the_store(bucket: Bucket, signer: UrlSigner) -> None:
    plain = put(bucket, b"bytes")
    assert signer.looked_up(plain) == plain
    digest = hashlib.sha256(b"bytes").digest()
    bucket.client._put_object(bucket.name, KEY, b"bytes", {"x-amz-checksum-sha256": base64.b64encode(digest).decode()})
    assert signer.looked_up(plain).sha256 == digest.hex()
    assert signer.looked_up(replace(plain, etag="other")) == replace(plain, etag="other")


def test_key_of_a_role_signs_until_it_expires(bucket: Bucket) -> None:
    class Role(StoreClient):
        def credentials(self) -> Any:
            return replace(super().credentials(), session_token="t", expiration=now + timedelta(minutes=30))

    now = datetime(2026, 1, 1, tzinfo=UTC)
    place = Endpoint.of(bucket.server.endpoint, secure=False)
    keys = [
        UrlSigner(Role(place, "us-east-1", keys=(name, "b")), bucket.name, place, lambda: now).key() for name in "ac"
    ]
    assert [key.life for key in keys] == [timedelta(minutes=30)] * 2
    assert keys[0].by == keys[1].by  # a role's next key is no reason to sign again
