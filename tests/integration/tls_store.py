"""A MinIO that speaks TLS."""

from __future__ import annotations

import io
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import urllib3
from minio import Minio

from dev import tools
from dev.processes import Child, free_port

KEY = "team/iris/v1/model.joblib"


def self_signed(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that is signed by itself, in a folder as MinIO wants it, and return it."""
    folder.mkdir()
    key, certificate = folder / "private.key", folder / "public.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=store", "-days", "1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate


@contextmanager
def tls_store(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the address of a MinIO with TLS that has one model, and the certificate that it shows."""
    certificate = self_signed(folder / "certificates")
    address = f"127.0.0.1:{free_port()}"
    command = [str(tools.find("minio")), "server", "--quiet", "--certs-dir", str(certificate.parent)]
    command += ["--address", address, "--console-address", f"127.0.0.1:{free_port()}", str(folder / "data")]
    environment = {"MINIO_ROOT_USER": "minioadmin", "MINIO_ROOT_PASSWORD": "minioadmin", "MINIO_BROWSER": "off"}
    with Child("MinIO", command, folder / "minio.log", environment, grace=1.5) as server:
        server.wait_until(lambda: _answers(f"https://{address}/minio/health/ready", certificate), 180)
        with urllib3.PoolManager(ca_certs=str(certificate)) as pool:
            client = Minio(address, "minioadmin", "minioadmin", http_client=pool)
            client.make_bucket("models")
            client.put_object("models", KEY, io.BytesIO(b"model"), 5)
        yield address, certificate


def _answers(url: str, certificate: Path) -> bool:
    context = ssl.create_default_context(cafile=certificate)
    with suppress(OSError), urllib.request.urlopen(url, timeout=1, context=context):
        return True
    return False
