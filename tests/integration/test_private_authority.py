"""A store whose certificate a private authority signed, as the downloader and the watcher see it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import proxies
from .tls_store import KEY, tls_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Return the address of a MinIO with TLS that has one model, and the certificate that it shows."""
    with tls_store(tmp_path) as found:
        yield found


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    credentials = {"AWS_ACCESS_KEY_ID": "minioadmin", "AWS_SECRET_ACCESS_KEY": "minioadmin"}
    machine = {"SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE"}
    environment = {key: value for key, value in os.environ.items() if key not in machine} | credentials | env
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def download(address: str, to: Path, **env: str) -> subprocess.CompletedProcess[str]:
    arguments = ("--source", f"s3://models/{KEY}", "--endpoint", address, "--secure", "--to", str(to))
    return run("server.download", *arguments, **env)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "AWS_CA_BUNDLE"])
def test_download_the_authority_that_a_variable_names_is_trusted(
    store: tuple[str, Path], tmp_path: Path, variable: str
) -> None:
    address, certificate = store
    done = download(address, tmp_path / "to", **{variable: str(certificate)})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "to" / "model.joblib").read_bytes() == b"model"


def test_download_another_authority_is_not_trusted_and_the_cure_is_named(
    store: tuple[str, Path], tmp_path: Path
) -> None:
    refused = download(store[0], tmp_path / "to")
    assert refused.returncode == 1
    assert "an authority that is not trusted: set AWS_CA_BUNDLE or SSL_CERT_FILE" in refused.stderr
    assert "trying again" not in refused.stderr


def test_download_a_certificate_for_another_host_says_so(store: tuple[str, Path], tmp_path: Path) -> None:
    address, certificate = store
    refused = download(address.replace("127.0.0.1", "localhost"), tmp_path / "to", AWS_CA_BUNDLE=str(certificate))
    assert refused.returncode == 1
    assert "its certificate is for another host name" in refused.stderr


def test_download_tls_goes_through_the_proxy_as_a_tunnel(store: tuple[str, Path], tmp_path: Path) -> None:
    address, certificate = store
    with proxies.forwarding("user:pass") as (proxy, seen):
        trusted = {"AWS_CA_BUNDLE": str(certificate), "no_proxy": "", "NO_PROXY": ""}
        done = download(address, tmp_path / "to", **trusted, HTTPS_PROXY=f"http://user:pass@{proxy}")
        assert done.returncode == 0, done.stderr
        assert set(seen) == {address}
        refused = download(address, tmp_path / "no", **trusted, HTTPS_PROXY=f"http://user:wrong@{proxy}")
    assert refused.returncode == 1
    assert "it refuses with HTTP 407; check the user and password in HTTPS_PROXY" in refused.stderr
    assert "wrong" not in refused.stderr


def test_render_trusts_the_authority_that_a_variable_names_and_no_other(store: tuple[str, Path]) -> None:
    address, certificate = store
    arguments = ("watcher", "render", f"s3://models/{KEY}", "--s3-endpoint", f"https://{address}")
    assert "kind: Deployment" in run(*arguments, SSL_CERT_FILE=str(certificate)).stdout
    assert "its certificate is not trusted" in run(*arguments).stderr
