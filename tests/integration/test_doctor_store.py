"""Broken stores, each a real one, and what `kubeserve doctor` says of each."""

from __future__ import annotations

import io
import json
import secrets
import ssl
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import trustme
from minio import MinioAdmin
from minio.credentials.providers import StaticProvider

from dev import tools
from dev.minio_server import MinioServer, webhook_env
from dev.processes import free_port

from . import proxies
from .driving import Watcher, eventually
from .patient import SECRETS, Patient
from .tls_store import tls_store

OBJECTS, BUCKET = "arn:aws:s3:::{}/*", "arn:aws:s3:::{}"
SECRET = SECRETS["AWS_SECRET_ACCESS_KEY"]


class Policies:
    """Users of a store, each with a policy of its own."""

    def __init__(self, server: MinioServer, bucket: str, folder: Path) -> None:
        keys = StaticProvider(server.access_key, server.secret_key)
        self._admin = MinioAdmin(endpoint=server.endpoint, credentials=keys, secure=False)
        self._bucket, self._folder = bucket, folder

    def user(self, *actions: str) -> str:
        """Return the access key of a new user whose secret key is the planted one."""
        name, file = f"user-{secrets.token_hex(4)}", self._folder / "policy.json"
        resources = [form.format(self._bucket) for form in (BUCKET, OBJECTS)]
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": resources}
        file.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        self._admin.policy_add(name, str(file))
        self._admin.user_add(name, SECRET)
        self._admin.attach_policy([name], user=name)
        return name


@pytest.fixture
def policies(bucket: Any, tmp_path: Path) -> Policies:
    return Policies(bucket.server, bucket.name, tmp_path)


@pytest.fixture
def patient(bucket: Any, policies: Policies, tmp_path: Path) -> Patient:
    """Return a set-up with a healthy store, and without a watcher."""
    bucket.client.put_object(bucket.name, "team/iris/v1/model.joblib", **_content(b"model"))
    where = {"KUBESERVE_S3_ENDPOINT": bucket.server.endpoint, "KUBESERVE_BUCKET": bucket.name}
    return Patient(tmp_path, **where, AWS_ACCESS_KEY_ID=policies.user("s3:*"))


def _content(data: bytes) -> dict[str, Any]:
    return {"data": io.BytesIO(data), "length": len(data)}


def test_a_healthy_store_is_ok_and_a_watcher_that_is_down_is_named(patient: Patient, bucket: Any) -> None:
    found = patient.findings()
    for name in ("store", "clock", "credentials", "bucket", "permissions"):
        assert found[name]["verdict"] == "ok", found[name]
    assert found["watcher"]["verdict"] == "fail"
    hidden = patient.one("watcher", KUBESERVE_URL="http://me:planted-password@127.0.0.1:9")
    assert hidden[1] == found["watcher"]["detail"]
    assert "none answers at http://127.0.0.1:9" in found["watcher"]["detail"]
    assert f"--bucket {bucket.name}" in found["watcher"]["remedy"]
    assert found["cluster"] == {"name": "cluster", "verdict": "skip", "detail": "no kubeconfig", "remedy": ""}
    text = patient.run_as_a_process()
    assert text.returncode == 1
    assert f"ok    bucket          {bucket.name} exists" in text.stdout.splitlines()
    assert "1 wrong" in text.stdout


def test_an_object_is_written_only_on_request_and_deleted_again(patient: Patient, bucket: Any) -> None:
    assert patient.one("permissions")[1] == "list, read, write as far as can be seen (--write tries it)"
    before = [item.object_name for item in bucket.client.list_objects(bucket.name, recursive=True)]
    assert patient.one("permissions", "--write")[1] == "list, read, write"
    assert [item.object_name for item in bucket.client.list_objects(bucket.name, recursive=True)] == before


def test_an_unknown_access_key_is_named(patient: Patient) -> None:
    verdict, detail, remedy = patient.one("credentials", AWS_ACCESS_KEY_ID="nobody")
    assert (verdict, "the access key is unknown there" in detail) == ("fail", True)
    assert "export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY" in remedy


def test_a_wrong_secret_key_is_named_and_set_in_the_context_that_has_it(patient: Patient, tmp_path: Path) -> None:
    wrong = "planted-wrong-secret"
    assert "the secret key is wrong" in patient.one("credentials", AWS_SECRET_ACCESS_KEY=wrong)[1]
    context = {"s3_endpoint": patient.environment.pop("KUBESERVE_S3_ENDPOINT"), "secret_access_key": wrong}
    context |= {"bucket": patient.environment.pop("KUBESERVE_BUCKET")}
    context |= {"access_key_id": patient.environment["AWS_ACCESS_KEY_ID"]}
    content = json.dumps({"current": "lab", "contexts": {"lab": context}})
    (tmp_path / "contexts.yaml").write_text(content)
    verdict, _, remedy = patient.one("credentials")
    assert (verdict, remedy.splitlines()[-1]) == ("fail", "kubeserve context set lab --keys-from-env")


def test_a_session_token_that_the_store_does_not_know_is_named(patient: Patient) -> None:
    verdict, detail, remedy = patient.one("credentials", AWS_SESSION_TOKEN="planted-token")
    assert (verdict, "the session token is not valid" in detail) == ("fail", True)
    assert "AWS_SESSION_TOKEN" in remedy


def test_missing_credentials_are_named(patient: Patient) -> None:
    environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}
    verdict, detail, _ = patient.one("credentials", **environment)
    assert (verdict, "there are no S3 credentials" in detail) == ("fail", True)


def test_a_bucket_that_is_not_there_is_named(patient: Patient, bucket: Any) -> None:
    verdict, detail, remedy = patient.one("bucket", KUBESERVE_BUCKET="not-there", **_root(bucket))
    assert (verdict, detail) == ("fail", "there is no bucket not-there")
    assert f"mc alias set store {bucket.server.url}\nmc mb store/not-there" in remedy


def _root(bucket: Any) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": bucket.server.access_key, "AWS_SECRET_ACCESS_KEY": bucket.server.secret_key}


@pytest.mark.parametrize(
    ("allowed", "verdict", "lacking"),
    [
        (("s3:GetObject", "s3:PutObject"), "fail", "s3:ListBucket"),
        (("s3:ListBucket", "s3:PutObject"), "fail", "s3:GetObject"),
        (("s3:ListBucket", "s3:GetObject"), "warn", "s3:PutObject"),
        (("s3:ListBucket",), "fail", "s3:GetObject and s3:PutObject"),
    ],
)
def test_each_action_that_a_policy_lacks_is_named(
    patient: Patient, policies: Policies, allowed: tuple[str, ...], verdict: str, lacking: str
) -> None:
    user = policies.user(*allowed)
    found = patient.findings(AWS_ACCESS_KEY_ID=user)
    assert found["credentials"]["verdict"] == "ok"
    assert found["permissions"]["verdict"] == verdict
    assert f"the policy lacks {lacking}" in found["permissions"]["detail"]
    assert f"--user {user}" in found["permissions"]["remedy"]
    assert all(action in found["permissions"]["remedy"] for action in lacking.split(" and "))
    assert found["listen stream"]["detail"] == "the policy lacks s3:ListenBucketNotification"


def test_the_policy_of_the_remedy_is_one_that_the_store_accepts(
    patient: Patient, policies: Policies, bucket: Any, tmp_path: Path
) -> None:
    user = policies.user("s3:ListBucket")
    document = patient.one("permissions", AWS_ACCESS_KEY_ID=user)[2].partition("<<'END'\n")[2].partition("\nEND")[0]
    (tmp_path / "more.json").write_text(document)
    policies._admin.policy_add(f"more-{user}", str(tmp_path / "more.json"))
    policies._admin.attach_policy([f"more-{user}"], user=user)
    assert patient.one("permissions", "--write", AWS_ACCESS_KEY_ID=user)[:2] == ("ok", "list, read, write")


def test_a_store_that_is_not_reached_is_named_with_the_cause(patient: Patient) -> None:
    port = free_port()
    refused = patient.one("store", KUBESERVE_S3_ENDPOINT=f"127.0.0.1:{port}")
    assert (refused[0], "connection refused" in refused[1]) == ("fail", True)
    unknown = patient.one("store", KUBESERVE_S3_ENDPOINT="minio.invalid:9000")
    assert (unknown[0], "the host name 'minio.invalid' is unknown (DNS)" in unknown[1]) == ("fail", True)
    assert "getent hosts minio.invalid" in unknown[2]
    with proxies.silent() as address:
        silent = patient.one("store", KUBESERVE_S3_ENDPOINT=address)
    assert (silent[0], "accepted the connection and does not answer" in silent[1]) == ("fail", True)
    with proxies.answering((200, {"Content-Type": "text/html"}, b"<html>console</html>")) as address:
        console = patient.one("store", KUBESERVE_S3_ENDPOINT=address)
    assert (console[0], "does not answer as an S3 store does" in console[1]) == ("fail", True)
    malformed = patient.one("store", KUBESERVE_S3_ENDPOINT="http://me:planted-password@minio")
    assert "must not contain a user or password" in malformed[1]


def test_a_scheme_that_the_port_does_not_speak_is_named_both_ways(patient: Patient, tmp_path: Path) -> None:
    address = patient.environment["KUBESERVE_S3_ENDPOINT"]
    verdict, detail, remedy = patient.one("store", KUBESERVE_S3_ENDPOINT=f"https://{address}")
    assert (verdict, "the port does not speak TLS" in detail) == ("fail", True)
    assert remedy == f"export KUBESERVE_S3_ENDPOINT=http://{address}"
    with tls_store(tmp_path) as (address, _):
        verdict, detail, remedy = patient.one("store", KUBESERVE_S3_ENDPOINT=f"http://{address}")
    assert (verdict, "the port expects TLS" in detail) == ("fail", True)
    assert remedy == f"export KUBESERVE_S3_ENDPOINT=https://{address}"


def test_a_certificate_that_is_not_trusted_is_named_with_what_is_wrong(patient: Patient, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "minioadmin", "AWS_SECRET_ACCESS_KEY": "minioadmin", "KUBESERVE_BUCKET": "models"}
    with tls_store(tmp_path) as (address, certificate):
        here = {**keys, "KUBESERVE_S3_ENDPOINT": f"https://{address}"}
        verdict, detail, remedy = patient.one("certificate", **here)
        assert (verdict, "is signed by itself" in detail) == ("fail", True)
        assert f"openssl s_client -connect {address}" in remedy
        assert 'export AWS_CA_BUNDLE="$PWD/store-ca.pem"' in remedy
        found = patient.findings(**here, AWS_CA_BUNDLE=str(certificate))
        assert [found[name]["verdict"] for name in ("store", "certificate", "bucket")] == ["ok"] * 3
        elsewhere = {**here, "KUBESERVE_S3_ENDPOINT": f"https://{address.replace('127.0.0.1', 'localhost')}"}
        verdict, detail, remedy = patient.one("certificate", **elsewhere, AWS_CA_BUNDLE=str(certificate))
        assert (verdict, "is for another host name" in detail) == ("fail", True)
        assert "subjectAltName" in remedy
        malformed = patient.one("store", **here, AWS_CA_BUNDLE=str(tmp_path / "none"))[1]
        assert malformed == f"AWS_CA_BUNDLE: {tmp_path / 'none'}: No such file or directory"


@pytest.mark.parametrize(("years", "trusted", "expected"), [(-1, True, "has expired"), (1, False, "an authority that")])
def test_a_certificate_of_an_authority_is_named_with_what_is_wrong(
    patient: Patient, tmp_path: Path, years: int, trusted: bool, expected: str
) -> None:
    authority = trustme.CA()
    then = datetime.now(UTC) + timedelta(days=365 * years)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with tls_server(authority.issue_cert("127.0.0.1", not_after=then), tmp_path) as address:
        bundle = {"AWS_CA_BUNDLE": str(tmp_path / "ca.pem")} if trusted else {}
        verdict, detail, _ = patient.one("certificate", KUBESERVE_S3_ENDPOINT=f"https://{address}", **bundle)
    assert (verdict, expected in detail) == ("fail", True)


def tls_server(certificate: trustme.LeafCert, folder: Path) -> AbstractContextManager[str]:
    """Return a server that shows a certificate; nobody gets further."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    context.load_cert_chain(folder / "server.pem")
    return proxies.serving(BaseHTTPRequestHandler, context)


@pytest.mark.parametrize(("minutes", "way"), [(7, "behind"), (-7, "ahead of")])
def test_a_clock_that_is_minutes_off_is_named_with_the_direction(patient: Patient, minutes: int, way: str) -> None:
    def alter(_: str, answer: proxies.Answer) -> proxies.Answer:
        status, headers, body = answer
        then = datetime.now(UTC) + timedelta(minutes=minutes)
        return status, {**headers, "Date": format_datetime(then, usegmt=True)}, body

    with proxies.altering(patient.environment["KUBESERVE_S3_ENDPOINT"], alter) as address:
        verdict, detail, remedy = patient.one("clock", KUBESERVE_S3_ENDPOINT=address)
    assert (verdict, f"this machine's clock is 7 minutes {way} the store's" in detail) == ("fail", True)
    assert "timedatectl" in remedy


def test_a_listen_stream_that_sends_nothing_is_named(patient: Patient, bucket: Any) -> None:
    """The newest MinIO accepts the request, and sends no ping."""
    verdict, detail, remedy = patient.one("listen stream")
    assert (verdict, "the store sends nothing" in detail) == ("warn", True)
    assert f"mc event add store/{bucket.name} arn:minio:sqs::KUBESERVE:webhook --event put,delete" in remedy


def test_the_webhook_is_followed_from_no_rule_to_a_delivery_to_a_watcher_that_refuses_it(tmp_path: Path) -> None:
    token, port = SECRETS["KUBESERVE_WEBHOOK_TOKEN"], free_port()
    env = webhook_env(f"http://127.0.0.1:{port}/events", token)
    store = MinioServer(tools.find("minio"), tmp_path / "data", tmp_path / "log", bucket="models", env=env)
    keys = {"AWS_ACCESS_KEY_ID": store.access_key, "AWS_SECRET_ACCESS_KEY": store.secret_key}
    where = {"KUBESERVE_S3_ENDPOINT": store.endpoint, "KUBESERVE_BUCKET": "models"}
    arguments = ("--runtime", "local", "--state-dir", str(tmp_path / "state"))
    patient = Patient(tmp_path, **keys, **where, KUBESERVE_URL=f"http://127.0.0.1:{port}")
    with store:
        with Watcher(tmp_path / "w.log", *arguments, port=port, **keys, **where, KUBESERVE_WEBHOOK_TOKEN=token):
            # For some seconds after its start MinIO answers 503.
            eventually(lambda: patient.findings()["webhook"]["verdict"] == "warn")
            _, detail, remedy = patient.one("webhook")
            assert "the bucket models has no rule" in detail
            assert f"endpoint=http://127.0.0.1:{port}/events" in remedy
            assert store.notify()
            eventually(lambda: "nothing has arrived" in patient.findings()["webhook"]["detail"])
            store.client().put_object("models", "team/iris/values.yaml", **_content(b"paused: true"))
            eventually(lambda: patient.one("webhook")[0] == "ok")
            found = patient.findings()
            assert "1 hints, the last one at 20" in found["webhook"]["detail"]
            assert found["listen stream"]["detail"] == "not live, but the webhook delivers"
            assert found["cluster"]["detail"] == "models run on this machine"
            assert (found["disk"]["verdict"], str(tmp_path) in found["disk"]["detail"]) == ("ok", True)
            assert all(item["verdict"] in {"ok", "skip"} for item in found.values())
            other = patient.one("watcher", KUBESERVE_BUCKET="others")
            assert (other[0], other[2]) == ("warn", "export KUBESERVE_BUCKET=models")
        with Watcher(tmp_path / "w.log", *arguments, port=port, **keys, **where):
            verdict, detail, remedy = patient.one("webhook")
            assert (verdict, "has no token and refuses it" in detail) == ("fail", True)


def test_a_watcher_whose_keys_are_wrong_is_named(patient: Patient, tmp_path: Path) -> None:
    where = {name: patient.environment[name] for name in ("KUBESERVE_S3_ENDPOINT", "KUBESERVE_BUCKET")}
    keys = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": SECRET}
    with Watcher(tmp_path / "w.log", "--runtime", "local", **where, **keys) as watcher:
        url = f"http://127.0.0.1:{watcher.port}"
        eventually(lambda: "access key" in patient.findings(KUBESERVE_URL=url)["poll"]["detail"])
        verdict, detail, remedy = patient.one("poll", KUBESERVE_URL=url)
    assert (verdict, "the access key is unknown there" in detail, remedy) == ("fail", True, f"curl -s {url}/status")
