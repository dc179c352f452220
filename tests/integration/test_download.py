"""`python -m server.download` against a real MinIO, behind the networks that people have."""

from __future__ import annotations

import io
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from minio import MinioAdmin
from minio.credentials import AssumeRoleProvider, StaticProvider

from dev import tools
from dev.minio_server import MinioServer
from server.download.network import READ_SECONDS
from server.errors import OWN_FAULT

from . import proxies
from .conftest import Bucket

KEY = "team/iris/v1/model.joblib"
BODY = os.urandom(300_000)
PROGRAM = (sys.executable, "-m", "server.download")
PROXY_USER = "user:p%40ss"
RETRY_LATER = (503, {"Retry-After": "600", "Content-Type": "text/plain"}, b"")


class Download:
    """One run of the program; `text` is its log."""

    def __init__(self, to: Path, bucket: Bucket, *arguments: str, endpoint: str = "", **env: str) -> None:
        self.to = to
        # Whatever this machine is configured for, a case has only what it sets.
        inherited = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        keys = {"AWS_ACCESS_KEY_ID": bucket.server.access_key, "AWS_SECRET_ACCESS_KEY": bucket.server.secret_key}
        source = f"s3://{bucket.name}/{KEY}"
        self._process = subprocess.Popen(
            [
                *PROGRAM,
                "--source",
                source,
                "--to",
                str(to),
                "--endpoint",
                endpoint or bucket.server.endpoint,
                *arguments,
            ],
            env={**inherited, **keys, "KUBESERVE_TERMINATION_LOG": str(to.parent / "message"), **env},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.text = ""

    def code(self, seconds: float = 60) -> int:
        _, self.text = self._process.communicate(timeout=seconds)
        assert "Traceback" not in self.text, self.text
        return self._process.returncode

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def running(self) -> bool:
        return self._process.poll() is None

    def model(self) -> bytes:
        return (self.to / "model.joblib").read_bytes()


@pytest.fixture
def to(tmp_path: Path) -> Path:
    (tmp_path / "message").touch()
    return tmp_path / "to"


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    bucket.client.put_object(bucket.name, KEY, io.BytesIO(BODY), len(BODY))
    return bucket


def etag(bucket: Bucket) -> str:
    return str(bucket.client.stat_object(bucket.name, KEY).etag)


def weakened(_path: str, answer: proxies.Answer) -> proxies.Answer:
    status, headers, body = answer
    return status, {key: f"W/{value}" if key.lower() == "etag" else value for key, value in headers.items()}, body


def without_etag(_path: str, answer: proxies.Answer) -> proxies.Answer:
    status, headers, body = answer
    return status, {key: value for key, value in headers.items() if key.lower() != "etag"}, body


def test_download_a_weak_etag_of_a_proxy_names_the_same_bytes(filled: Bucket, to: Path) -> None:
    with proxies.altering(filled.server.endpoint, weakened) as proxy:
        download = Download(to, filled, "--etag", etag(filled), endpoint=proxy)
        assert download.code() == 0, download.text
    assert download.model() == BODY


def test_download_other_bytes_behind_a_weak_etag_are_refused(filled: Bucket, to: Path) -> None:
    old = etag(filled)
    filled.client.put_object(filled.name, KEY, io.BytesIO(b"other"), 5)
    with proxies.altering(filled.server.endpoint, weakened) as proxy:
        download = Download(to, filled, "--etag", old, endpoint=proxy)
        assert download.code() == 1
    assert "the object has changed" in download.text
    assert not (to / "model.joblib").exists()
    assert "the object has changed" in (to.parent / "message").read_text()


def test_download_takes_the_expected_requirements_and_no_others(filled: Bucket, to: Path) -> None:
    def download(expected: str) -> Download:
        done = Download(to, filled, "--requirements-etag", expected)
        assert done.code() == int("object" in done.text), done.text
        return done

    key, fetched = KEY.replace("model.joblib", "requirements.txt"), to / "requirements.txt"
    assert "there is no such object" in download("0" * 32).text
    filled.client.put_object(filled.name, key, io.BytesIO(b"# none\n"), 7)
    download(str(filled.client.stat_object(filled.name, key).etag))
    assert fetched.read_text() == "# none\n"
    assert "requirements.txt: the object has changed" in download("0" * 32).text
    assert not fetched.exists()
    download("none")
    assert not fetched.exists()


def test_download_an_answer_without_etag_is_no_stores(filled: Bucket, to: Path) -> None:
    with proxies.altering(filled.server.endpoint, without_etag) as proxy:
        download = Download(to, filled, endpoint=proxy)
        assert download.code() == 1
    assert "the answer has no ETag" in download.text


def test_download_retry_after_of_ten_minutes_is_ignored(filled: Bucket, to: Path) -> None:
    with proxies.answering(RETRY_LATER) as store:
        begun = time.monotonic()
        download = Download(to, filled, endpoint=store)
        assert download.code() == 1
    assert time.monotonic() - begun < 30
    assert "is busy or out of order (HTTP 503 Service Unavailable)" in download.text
    assert '"retry_in"' in download.text


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_download_a_signal_ends_it_at_once_while_the_store_hangs(
    filled: Bucket, to: Path, number: signal.Signals, code: int
) -> None:
    with proxies.silent() as store:
        download = Download(to, filled, endpoint=store)
        time.sleep(2)
        assert download.running()
        begun = time.monotonic()
        download.signal(number)
        assert download.code() == code, download.text
    assert time.monotonic() - begun < READ_SECONDS / 2


def test_download_a_store_that_hangs_ends_with_the_cause(filled: Bucket, to: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import server.download.network as n\nn.READ_SECONDS = 1.0\n")
    with proxies.silent() as store:
        download = Download(to, filled, endpoint=store, PYTHONPATH=str(tmp_path))
        assert download.code() == 1
    assert "no answer within 1 s" in (to.parent / "message").read_text()


FOLDER = KEY.rpartition("/")[0]


def put_next_to_the_model(bucket: Bucket, name: str, data: bytes) -> str:
    return str(bucket.client.put_object(bucket.name, f"{FOLDER}/{name}", io.BytesIO(data), len(data)).etag)


def test_download_fetches_the_named_files_about_the_input_and_no_others(filled: Bucket, to: Path) -> None:
    example = put_next_to_the_model(filled, "input-example.json", b"[[1, 2]]")
    for name in ("MLmodel", "input_example.json"):
        put_next_to_the_model(filled, name, b"{}")
    download = Download(to, filled, KUBESERVE_INPUT_FILES=f"MLmodel= input-example.json={example}")
    assert download.code() == 0, download.text
    assert {path.name: path.read_bytes() for path in to.iterdir() if path.name != "model.joblib"} == {
        "input-example.json": b"[[1, 2]]",
        "MLmodel": b"{}",
    }


@pytest.mark.parametrize(
    ("data", "etag", "cause", "code"),
    [
        (b"[[1]]", "0" * 32, "input-example.json: the object has changed", 1),
        (b"[" * 1_048_577, "", "input-example.json: larger than 1048576 bytes", OWN_FAULT),
        (None, "", "input-example.json: there is no such object", 1),
    ],
)
def test_download_of_another_file_about_the_input_says_why(
    filled: Bucket, to: Path, data: bytes | None, etag: str, cause: str, code: int
) -> None:
    if data is not None:
        put_next_to_the_model(filled, "input-example.json", data)
    download = Download(to, filled, "--input-files", f"input-example.json={etag}")
    assert download.code() == code
    assert cause in (to.parent / "message").read_text()
    assert not (to / "input-example.json").exists()


@pytest.mark.parametrize(
    ("env", "limit"),
    [
        (
            {"KUBESERVE_DISK_LIMIT": "102400"},
            "this pod may use 100 KiB of disk: raise deployment.resources.limits.ephemeral-storage in values.yaml",
        ),
        (
            {"KUBESERVE_VOLUME_LIMIT": "100Ki", "KUBESERVE_DISK_LIMIT": "2147483648"},
            "the volume 'model' may hold 100 KiB: raise deployment.volumeLimits.model, which the operator sets",
        ),
    ],
)
def test_download_of_a_model_above_the_disk_limit_is_refused_before_it_begins(
    filled: Bucket, to: Path, env: dict[str, str], limit: str
) -> None:
    download = Download(to, filled, **env)
    assert download.code() == OWN_FAULT
    assert (to.parent / "message").read_text() == f"s3://{filled.name}/{KEY} is 293 KiB, but {limit}"
    assert list(to.iterdir()) == []
    assert Download(to, filled, **dict.fromkeys(env, "300Ki")).code() == 0


def test_download_that_grows_above_the_disk_limit_is_stopped(filled: Bucket, to: Path) -> None:
    with proxies.altering(filled.server.endpoint, lambda _path, answer: answer, with_length=False) as proxy:
        download = Download(to, filled, endpoint=proxy, KUBESERVE_DISK_LIMIT="102400")
        assert download.code() == OWN_FAULT
    assert "is more than 128 KiB, but this pod may use 100 KiB of disk" in (to.parent / "message").read_text()
    assert list(to.iterdir()) == []


def test_download_to_a_disk_without_room_says_what_is_free(filled: Bucket, to: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, types\nos.statvfs = lambda _: types.SimpleNamespace(f_bavail=25, f_frsize=4096)\n"
    )
    download = Download(to, filled, PYTHONPATH=str(tmp_path))
    assert download.code() == 1
    free = f"is 293 KiB, but only 100 KiB are free on the disk of {to}: make room there"
    assert free in (to.parent / "message").read_text()


def test_download_goes_through_the_proxy_with_its_password(filled: Bucket, to: Path) -> None:
    with proxies.forwarding("user:p@ss") as (proxy, seen):
        download = Download(to, filled, HTTP_PROXY=f"http://{PROXY_USER}@{proxy}")
        assert download.code() == 0, download.text
    assert download.model() == BODY
    assert any(filled.name in url for url in seen)


def test_download_no_proxy_exempts_the_store(filled: Bucket, to: Path) -> None:
    with proxies.forwarding("user:p@ss") as (proxy, seen):
        download = Download(to, filled, HTTP_PROXY=f"http://{PROXY_USER}@{proxy}", NO_PROXY="10.0.0.1,127.0.0.1")
        assert download.code() == 0, download.text
    assert seen == []


def test_download_temporary_credentials_work_with_their_session_token(filled: Bucket, to: Path) -> None:
    user, password = secrets.token_hex(8), secrets.token_hex(16)
    add_user(filled, user, password)
    endpoint = f"http://{filled.server.endpoint}"
    found = AssumeRoleProvider(sts_endpoint=endpoint, access_key=user, secret_key=password).retrieve()
    keys = {"AWS_ACCESS_KEY_ID": found.access_key, "AWS_SECRET_ACCESS_KEY": found.secret_key}
    assert Download(to, filled, **keys, AWS_SESSION_TOKEN=str(found.session_token)).code() == 0
    refused = Download(to, filled, **keys)
    assert refused.code() == 1
    assert "unknown to the store" in refused.text or "session token" in refused.text


def add_user(bucket: Bucket, user: str, password: str) -> None:
    root = StaticProvider(bucket.server.access_key, bucket.server.secret_key)
    admin = MinioAdmin(endpoint=bucket.server.endpoint, credentials=root, secure=False)
    admin.user_add(user, password)
    admin.attach_policy(["readonly"], user=user)


@pytest.fixture(scope="module")
def ipv6(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    folder = tmp_path_factory.mktemp("ipv6")
    with MinioServer(tools.find("minio"), folder / "data", folder / "log", host="[::1]", bucket="models") as server:
        yield server


def test_download_an_ipv6_endpoint_and_its_no_proxy_entry(ipv6: MinioServer, to: Path) -> None:
    bucket = Bucket("models", ipv6.client(), ipv6)
    bucket.client.put_object("models", KEY, io.BytesIO(BODY), len(BODY))
    download = Download(to, bucket, HTTP_PROXY="http://127.0.0.1:1", NO_PROXY="::1")
    assert download.code() == 0, download.text
    assert download.model() == BODY


@pytest.mark.parametrize(
    ("env", "arguments", "cause"),
    [
        ({}, ("--endpoint", "127.0.0.1:1"), "the connection is refused"),
        ({}, ("--endpoint", "store.invalid:9000"), "cannot be resolved (DNS)"),
        ({"HTTP_PROXY": "http://u:secret@127.0.0.1:1"}, (), "the proxy to the store"),
        ({}, ("--secure",), "does not speak TLS"),
        ({}, ("--secure", "--etag", "x"), "does not speak TLS"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, (), "check AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "wrong"}, (), "check AWS_ACCESS_KEY_ID"),
        ({}, ("--source", f"s3://missing-bucket/{KEY}"), "there is no such bucket"),
        ({}, ("--endpoint", "user:secret@store:9000"), "a user or password"),
        ({}, ("--endpoint", "store:9000/prefix"), "a path after store:9000"),
        ({"HTTP_PROXY": "socks5://127.0.0.1:1"}, (), "HTTP_PROXY: expected a URL"),
        ({"AWS_CA_BUNDLE": "/missing.pem"}, ("--secure",), "AWS_CA_BUNDLE: /missing.pem cannot be read"),
        ({}, ("--to", "/proc/1/model"), "/proc/1/model cannot be written"),
    ],
)
def test_download_that_fails_says_what_exactly_is_wrong(
    filled: Bucket, to: Path, env: dict[str, str], arguments: tuple[str, ...], cause: str
) -> None:
    download = Download(to, filled, *arguments, **env)
    assert download.code() == 1
    message = (to.parent / "message").read_text()
    assert cause in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ((307, {"Location": "http://127.0.0.1:1/"}, b""), "a redirect (HTTP 307 Temporary Redirect)"),
        ((301, {"Location": "https://127.0.0.1:1/", "Content-Type": "text/html"}, b"moved"), "a redirect (HTTP 301"),
        ((200, {"Content-Type": "text/html"}, b"<html>log in, please"), "does not answer like an S3 store"),
        ((403, {"Content-Type": "text/html"}, b"\xff\xfe"), "does not answer like an S3 store"),
        ((403, {"Content-Type": "application/xml"}, b"<Error><Code>RequestTimeTooSkewed</Code></Error>"), "clocks"),
    ],
)
def test_download_from_something_else_says_what_it_answers(
    filled: Bucket, to: Path, answer: proxies.Answer, cause: str
) -> None:
    with proxies.answering(answer) as store:
        download = Download(to, filled, endpoint=store)
        assert download.code() == 1
    assert cause in (to.parent / "message").read_text()


def test_download_a_store_whose_clock_differs_says_so(filled: Bucket, to: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import datetime, minio.api\n"
        "real = minio.api.time.utcnow\n"
        "minio.api.time.utcnow = lambda: real() - datetime.timedelta(hours=2)\n"
    )
    download = Download(to, filled, PYTHONPATH=str(tmp_path))
    assert download.code() == 1
    assert "the clocks of this machine and of the store differ" in (to.parent / "message").read_text()
