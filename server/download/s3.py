"""Fetch a model and the files next to it from an S3 store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import ParseError

import structlog
import urllib3
from minio import Minio
from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, IamAwsProvider, Provider
from minio.error import MinioException, S3Error
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter
from urllib3.exceptions import HTTPError

from server.download import etag, input_files
from server.download.causes import TransientError, explain
from server.download.disk import Disk
from server.download.files import CHUNK, remove, save
from server.download.network import Endpoint, connection_pool
from server.download.progress import Progress
from server.download.requirements import MAX_BYTES
from server.errors import ModelError
from server.paths import MODEL, REQUIREMENTS

log = structlog.get_logger()

ATTEMPTS = 4
"""After these the program ends. The kubelet (or the local runtime) starts it again, with longer delays."""

RETRY_WAIT = wait_exponential_jitter(initial=0.5, max=5, jitter=0.5)
"""Seconds between attempts. A Retry-After of the store is ignored: it may be hours, for a cause of seconds."""

ROLE_SECONDS = 2.0
"""Seconds. The platform's credential service is on this node, or not there at all."""


class S3Source:
    """One model in a bucket: `s3://BUCKET/KEY`."""

    def __init__(self, source: str, endpoint: Endpoint, disk: Disk, progress: Progress) -> None:
        self._source, self._host, self._disk, self._progress = source, endpoint.host, disk, progress
        self._bucket, _, self._key = source.removeprefix("s3://").partition("/")
        self._retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=RETRY_WAIT,
            before_sleep=self._report,
            reraise=True,
        )
        with self._explained(source):
            self._client = Minio(
                endpoint.host,
                credentials=credentials(),
                secure=endpoint.secure,
                region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None,
                http_client=connection_pool(endpoint),
            )

    def fetch(self, to: Path, expected: str, wanted: Mapping[str, str]) -> None:
        """Write the model, its requirements.txt if there is one, and the `wanted` input files.

        The ETag of the model must be `expected`, and that of each input file the one in `wanted`, unless it is "".

        Raises:
            ModelError: in one sentence, with the cause. Transient causes have been tried several times.

        """
        self._retrying(self._fetch_model, to / MODEL, expected)
        self._retrying(self._fetch_requirements, to / REQUIREMENTS)
        for name, its_etag in wanted.items():
            self._retrying(self._fetch_input_file, to / name, its_etag)

    def _fetch_model(self, target: Path, expected: str) -> None:
        with self._explained(self._source), self._opened(self._key) as response:
            etag.check(self._source, response.headers.get("ETag") or "", expected)
            room = self._disk.room()
            room.check(self._source, response.length_remaining or 0)
            save(room.limited(self._source, self._chunks(response)), target)

    def _fetch_requirements(self, target: Path) -> None:
        key = self._next_to_model(REQUIREMENTS)
        with self._explained(f"s3://{self._bucket}/{key}"):
            try:
                with self._opened(key) as response:
                    # One byte more than is allowed shows that the file is too large.
                    save([response.read(MAX_BYTES + 1)], target)
            except S3Error as error:
                if error.code != "NoSuchKey":
                    raise
                remove(target)

    def _fetch_input_file(self, target: Path, expected: str) -> None:
        key = self._next_to_model(target.name)
        source = f"s3://{self._bucket}/{key}"
        with self._explained(source), self._opened(key) as response:
            etag.check(source, response.headers.get("ETag") or "", expected)
            save([input_files.check_size(source, response.read(input_files.MAX_BYTES + 1))], target)

    def _next_to_model(self, name: str) -> str:
        return self._key.rpartition("/")[0] + "/" + name

    @contextmanager
    def _opened(self, key: str) -> Iterator[urllib3.BaseHTTPResponse]:
        response = self._client.get_object(self._bucket, key)
        self._progress.record()
        try:
            yield response
        finally:
            # Closed, not released for reuse: that would have to read the rest of an unwanted body first.
            response.close()

    def _chunks(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        for chunk in response.stream(CHUNK):
            self._progress.record()
            yield chunk

    @contextmanager
    def _explained(self, source: str) -> Iterator[None]:
        """Turn the errors of the SDK and the network into ours."""
        try:
            yield
        except (MinioException, HTTPError, OSError, ValueError, ParseError) as error:
            raise explain(error, source, self._host) from error

    def _report(self, state: RetryCallState) -> None:
        problem = state.outcome.exception() if state.outcome else None
        self._progress.problem = str(problem)
        delay = state.next_action.sleep if state.next_action else 0
        log.warning("trying again", reason=str(problem), retry_in=round(delay, 1))


def credentials() -> Provider:
    """Return the credentials of `AWS_*` variables, of the shared credentials file, or of the platform's role.

    Raises:
        ModelError: there are none.

    """
    role = IamAwsProvider(http_client=urllib3.PoolManager(timeout=ROLE_SECONDS, retries=False))
    provider = ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), role])
    try:
        provider.retrieve()
    except (ValueError, HTTPError, OSError) as error:
        raise ModelError(
            "there are no credentials for the store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from error
    return provider
