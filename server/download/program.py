"""The steps of the program: fetch the files, and report their digests."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import structlog

from server import logs
from server.download import folder, input_files
from server.download.disk import Disk, parse_limit
from server.download.files import clear, make_folder
from server.download.progress import Progress, run_watched
from server.errors import ModelError
from server.paths import MODEL

if TYPE_CHECKING:
    from server.download.s3 import StoredFiles

log = structlog.get_logger()


def run_all(options: argparse.Namespace) -> None:
    """Put model.joblib, requirements.txt if there is one, and the named input files into the folder.

    Raises:
        ModelError: a step failed; the text is one sentence. No half-written file keeps the final name.

    """
    disk = Disk(options.to, parse_limit(options.disk_limit), parse_limit(options.volume_limit))
    make_folder(options.to)
    clear(options.to)
    digests = run_watched(lambda progress: fetch(options, disk, progress))
    log.info("downloaded", source=options.source, bytes=(options.to / MODEL).stat().st_size)
    if options.urls:
        # The watcher reads it, and the next pod's bytes must have the same digests.
        logs.write_termination_message(json.dumps({"sha256": digests}))


def fetch(options: argparse.Namespace, disk: Disk, progress: Progress) -> dict[str, str]:
    """Fetch the files, and return the SHA-256 of each, if they come from a store."""
    parts, wanted = urlsplit(options.source), input_files.parse(options.input_files)
    if parts.scheme == "s3":
        from server.download.s3 import S3Source  # noqa: PLC0415 - a folder needs no client of S3

        source = S3Source(options.source, stored_files(options), disk, progress)
        return source.fetch(options.to, options.etag, options.requirements_etag, wanted)
    if parts.scheme == "file":
        folder.fetch(
            Path(unquote(parts.path)), disk, options.etag, options.requirements_etag, wanted, progress=progress
        )
        return {}
    raise ModelError(f"{options.source}: expected s3://BUCKET/KEY or file:///PATH")


def stored_files(options: argparse.Namespace) -> StoredFiles:
    """Return the files in the store: by signed URLs if there are some, by keys otherwise."""
    if options.urls:
        from server.download.by_urls import SignedFiles  # noqa: PLC0415 - as above

        return SignedFiles(options.urls)
    from server.download.by_keys import KeyedFiles  # noqa: PLC0415 - as above
    from server.download.network import Endpoint  # noqa: PLC0415 - as above

    return KeyedFiles(options.source, Endpoint.of(options.endpoint, secure=options.secure))
