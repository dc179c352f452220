"""Fetch a model and the files next to it from an S3 store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol
from xml.etree.ElementTree import ParseError

import structlog
import urllib3
from minio.error import MinioException
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter
from urllib3.exceptions import HTTPError

from requirements_txt.parsing import MAX_BYTES
from server.download import etag, input_files
from server.download.causes import TransientError, explain
from server.download.digest import Digests
from server.download.disk import Disk
from server.download.files import CHUNK, remove, save
from server.download.progress import Progress
from server.paths import MODEL, REQUIREMENTS, RESOLVED

log = structlog.get_logger()

ATTEMPTS = 4
"""After these the program ends. The kubelet (or the local runtime) starts it again, with longer delays."""

RETRY_WAIT = wait_exponential_jitter(initial=0.5, max=5, jitter=0.5)
"""Seconds between attempts. A Retry-After of the store is ignored: it may be hours, for a cause of seconds."""


class StoredFiles(Protocol):
    """The files of one model in a store, by the names that they get here. The answers' connections are the caller's."""

    @property
    def host(self) -> str:
        """The store's address, for errors."""
        ...

    @property
    def reasons(self) -> Mapping[str, str]:
        """What S3's error codes mean for this way to fetch."""
        ...

    def open(self, name: str) -> urllib3.BaseHTTPResponse:
        """Return the answer with the bytes of a file."""
        ...

    def open_optional(self, name: str) -> urllib3.BaseHTTPResponse | None:
        """Return the answer with the bytes of a file, None if there is none of this name."""
        ...

    @property
    def packages(self) -> str:
        """What an earlier pod has installed for the requirements.txt: `a==1 b==2`; "" if that is not known."""
        ...

    def digest_of(self, name: str) -> str:
        """Return the SHA-256 that the bytes of a file must have, in hexadecimal; "" for any."""
        ...


class S3Source:
    """One model in a bucket. `source` is `s3://BUCKET/KEY`, for people."""

    def __init__(self, source: str, files: StoredFiles, disk: Disk, progress: Progress) -> None:
        self._source, self._files, self._disk, self._progress = source, files, disk, progress
        self._digests = Digests()
        self._retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=RETRY_WAIT,
            before_sleep=self._report,
            reraise=True,
        )

    def fetch(self, to: Path, expected: str, requirements: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """Write the model, its requirements.txt, and the `wanted` input files.

        The ETag of the model must be `expected`, and that of each input file the one in `wanted`, unless it is "".
        `requirements` is that of requirements.txt; `etag.NONE` fetches none, and "" the one that is there.

        Returns:
            The SHA-256 of each file that was written, in hexadecimal.

        Raises:
            ModelError: in one sentence, with the cause. Transient causes have been tried several times.

        """
        self._retrying(self._fetch_model, to / MODEL, expected)
        self._retrying(self._fetch_requirements, to / REQUIREMENTS, requirements)
        for name, its_etag in wanted.items():
            self._retrying(self._fetch_input_file, to / name, its_etag)
        return self._digests.found

    def _fetch_model(self, target: Path, expected: str) -> None:
        with self._explained(self._source), closing(self._files.open(MODEL)) as response:
            self._progress.record()
            etag.check(self._source, response.headers.get("ETag") or "", expected)
            room = self._disk.room()
            room.check(self._source, response.length_remaining or 0)
            self._save(room.limited(self._source, self._chunks(response)), target, self._source)

    def _fetch_requirements(self, target: Path, expected: str) -> None:
        remove(target)
        remove(target.with_name(RESOLVED))
        if expected == etag.NONE:
            return
        source = self._next_to_model(REQUIREMENTS)
        with self._explained(source):
            response = self._files.open(REQUIREMENTS) if expected else self._files.open_optional(REQUIREMENTS)
            if response is None:
                return
            with closing(response):
                etag.check(source, response.headers.get("ETag") or "", expected)
                # One byte more than is allowed shows that the file is too large.
                self._save([response.read(MAX_BYTES + 1)], target, source)
        if self._files.packages:
            save([self._files.packages.replace(" ", "\n").encode()], target.with_name(RESOLVED))

    def _fetch_input_file(self, target: Path, expected: str) -> None:
        source = self._next_to_model(target.name)
        with self._explained(source), closing(self._files.open(target.name)) as response:
            etag.check(source, response.headers.get("ETag") or "", expected)
            data = input_files.check_size(source, response.read(input_files.MAX_BYTES + 1))
            self._save([data], target, source)

    def _save(self, chunks: Iterable[bytes], target: Path, source: str) -> None:
        """Write a file, unless its bytes are not those that were fetched before."""
        self._progress.record()
        save(self._digests.checked(chunks, source, target.name, self._files.digest_of(target.name)), target)

    def _next_to_model(self, name: str) -> str:
        return f"{self._source.rpartition('/')[0]}/{name}"

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
            raise explain(error, source, self._files.host, self._files.reasons) from error

    def _report(self, state: RetryCallState) -> None:
        problem = state.outcome.exception() if state.outcome else None
        self._progress.problem = str(problem)
        delay = state.next_action.sleep if state.next_action else 0
        log.warning("trying again", reason=str(problem), retry_in=round(delay, 1))
