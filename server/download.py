"""`python -m server.download`: fetch a model and what its requirements.txt names. The init container runs it."""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog
import urllib3
from minio import Minio
from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, IamAwsProvider
from minio.error import MinioException, S3Error

from server import logs
from server.errors import ModelError
from server.paths import MODEL, PACKAGES, REQUIREMENTS

log = structlog.get_logger()

REASONS = {
    "AccessDenied": "the credentials may not read it",
    "InvalidAccessKeyId": "the access key is unknown to the store",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "NoSuchKey": "there is no such object",
    "NoSuchBucket": "there is no such bucket",
}


def main() -> int:
    options = arguments()
    logs.configure()
    try:
        download(options)
    except ModelError as error:
        log.error("download failed", reason=str(error))  # noqa: TRY400 - a sentence, not a traceback
        logs.last_words(str(error))
        return 1
    return 0


def arguments() -> argparse.Namespace:
    """Each option is also an environment variable, `KUBESERVE_…`: the pod sets those."""
    env = os.environ.get
    parser = argparse.ArgumentParser(prog="python -m server.download", description="Fetch one model.")
    source, to = env("KUBESERVE_SOURCE"), env("KUBESERVE_TO")
    parser.add_argument("--source", default=source, required=not source, help="s3://BUCKET/KEY or file:///PATH")
    parser.add_argument("--to", type=Path, default=to, required=not to, help="folder for model.joblib and packages/")
    parser.add_argument("--endpoint", default=env("KUBESERVE_ENDPOINT", ""), help="the store as host:port")
    parser.add_argument(
        "--secure",
        action=argparse.BooleanOptionalAction,
        default=env("KUBESERVE_SECURE", "false").lower() == "true",
        help="use TLS to the store",
    )
    parser.add_argument("--etag", default=env("KUBESERVE_ETAG", ""), help="refuse other bytes than these")
    return parser.parse_args()


def download(options: argparse.Namespace) -> None:
    """Put model.joblib, and packages/ if there is a requirements.txt, into the folder.

    Raises:
        ModelError: in one sentence; nothing half-written is left under the final name.

    """
    options.to.mkdir(parents=True, exist_ok=True)
    scheme = urlsplit(options.source).scheme
    if scheme == "s3":
        from_s3(options)
    elif scheme == "file":
        from_folder(Path(unquote(urlsplit(options.source).path)), options.to, options.etag)
    else:
        raise ModelError(f"{options.source}: expected s3://BUCKET/KEY or file:///PATH")
    log.info("downloaded", source=options.source, bytes=(options.to / MODEL).stat().st_size)
    if (options.to / REQUIREMENTS).exists():
        install(options.to)


def from_s3(options: argparse.Namespace) -> None:
    parts = urlsplit(options.source)
    bucket, key = parts.netloc, parts.path.removeprefix("/")
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=5, read=60), retries=urllib3.Retry(total=4, backoff_factor=0.2)
    )
    credentials = ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), IamAwsProvider()])
    client = Minio(options.endpoint, credentials=credentials, secure=options.secure, http_client=pool)
    try:
        fetch(client, bucket, key, options.to / MODEL, options.etag)
        fetch_if_there(client, bucket, key.rpartition("/")[0] + "/" + REQUIREMENTS, options.to / REQUIREMENTS)
    except S3Error as error:
        raise ModelError(f"{options.source}: {REASONS.get(error.code or '', error.message or error.code)}") from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise ModelError(f"the store at {options.endpoint} cannot be reached") from error
    except ValueError as error:
        raise ModelError(f"{options.source}: {error}") from error


def fetch(client: Minio, bucket: str, key: str, target: Path, etag: str = "") -> None:
    """Stream one object to `target`, under a temporary name until it is whole."""
    response = client.get_object(bucket, key)
    try:
        refuse_other_bytes((response.headers.get("ETag") or "").strip('"'), etag)
        partial = target.with_suffix(".partial")
        with partial.open("wb") as file:
            for chunk in response.stream(1024 * 1024):
                file.write(chunk)
        partial.replace(target)
    finally:
        response.close()
        response.release_conn()


def fetch_if_there(client: Minio, bucket: str, key: str, target: Path) -> None:
    try:
        fetch(client, bucket, key, target)
    except S3Error as error:
        if error.code != "NoSuchKey":
            raise


def from_folder(source: Path, to: Path, etag: str) -> None:
    """Copy from a local folder; there the ETag is the content's MD5."""
    try:
        data = source.read_bytes()
        beside = source.with_name(REQUIREMENTS)
        if beside.exists():
            (to / REQUIREMENTS).write_bytes(beside.read_bytes())
    except OSError as error:
        raise ModelError(f"{source} cannot be read: {error.strerror}") from error
    refuse_other_bytes(hashlib.md5(data, usedforsecurity=False).hexdigest(), etag)
    (to / MODEL).write_bytes(data)


def refuse_other_bytes(found: str, expected: str) -> None:
    if expected and found != expected:
        raise ModelError(
            f"the object has changed: expected ETag {expected}, found {found}; the watcher rolls on to the new bytes"
        )


def install(folder: Path) -> None:
    """Install requirements.txt into packages/, which the server puts first on its path."""
    target = folder / PACKAGES
    command = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--target", str(target)]
    command += ["--upgrade", "-r", str(folder / REQUIREMENTS)]
    log.info("installing requirements.txt")
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a model is code anyway
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")] or done.stderr.splitlines()
        raise ModelError(
            f"requirements.txt cannot be installed: {(errors or ['pip failed'])[0].removeprefix('ERROR: ')}"
        )


if __name__ == "__main__":
    sys.exit(main())
