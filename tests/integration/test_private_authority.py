"""A store whose certificate a private authority signed: SSL_CERT_FILE, as the charts set it, reaches everybody."""

from __future__ import annotations

import io
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import urllib3
from minio import Minio

from dev import tools
from dev.processes import Child, free_port

KEY = "team/iris/v1/model.joblib"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Return the address of a MinIO with TLS that has one model, and the certificate that it shows."""
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    key, certificate = certificates / "private.key", certificates / "public.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=store", "-days", "1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    address = f"127.0.0.1:{free_port()}"
    command = [str(tools.find("minio")), "server", "--quiet", "--certs-dir", str(certificates), "--address", address]
    command += ["--console-address", f"127.0.0.1:{free_port()}", str(tmp_path / "data")]
    environment = {"MINIO_ROOT_USER": "minioadmin", "MINIO_ROOT_PASSWORD": "minioadmin", "MINIO_BROWSER": "off"}
    with Child("MinIO", command, tmp_path / "minio.log", environment, grace=1.5) as server:
        server.wait_until(lambda: answers(f"https://{address}/minio/health/ready", certificate), 20)
        with urllib3.PoolManager(ca_certs=str(certificate)) as pool:
            client = Minio(address, "minioadmin", "minioadmin", http_client=pool)
            client.make_bucket("models")
            client.put_object("models", KEY, io.BytesIO(b"model"), 5)
        yield address, certificate


def answers(url: str, certificate: Path) -> bool:
    context = ssl.create_default_context(cafile=certificate)
    with suppress(OSError), urllib.request.urlopen(url, timeout=1, context=context):
        return True
    return False


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    credentials = {"AWS_ACCESS_KEY_ID": "minioadmin", "AWS_SECRET_ACCESS_KEY": "minioadmin"}
    environment = {key: value for key, value in os.environ.items() if key != "SSL_CERT_FILE"} | credentials | env
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_the_init_container_trusts_the_authority_that_it_is_given_and_no_other(
    store: tuple[str, Path], tmp_path: Path
) -> None:
    address, certificate = store
    arguments = ("server.download", "--source", f"s3://models/{KEY}", "--endpoint", address, "--secure")
    assert run(*arguments, "--to", str(tmp_path / "a"), SSL_CERT_FILE=str(certificate)).returncode == 0
    assert (tmp_path / "a" / "model.joblib").read_bytes() == b"model"
    refused = run(*arguments, "--to", str(tmp_path / "b"))
    assert refused.returncode == 1
    assert "cannot be reached" in refused.stderr


def test_the_watcher_trusts_the_authority_that_it_is_given_and_no_other(store: tuple[str, Path]) -> None:
    address, certificate = store
    arguments = ("watcher", "render", f"s3://models/{KEY}", "--s3-endpoint", f"https://{address}")
    assert "kind: Deployment" in run(*arguments, SSL_CERT_FILE=str(certificate)).stdout
    assert "certificate verify failed" in run(*arguments).stderr
