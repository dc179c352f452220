"""The steps of the program: fetch the model, then install its requirements."""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog

from server.download import folder, input_files
from server.download.disk import Disk, parse_limit
from server.download.files import clear, make_folder
from server.download.installer import Index, install
from server.download.progress import Progress, run_watched
from server.errors import ModelError
from server.paths import MODEL, REQUIREMENTS

log = structlog.get_logger()


def run(options: argparse.Namespace) -> None:
    """Put model.joblib, packages/ if there is a requirements.txt, and the named input files into the folder.

    Raises:
        ModelError: a step failed; the text is one sentence. No half-written file keeps the final name.

    """
    disk = Disk(options.to, parse_limit(options.disk_limit), parse_limit(options.volume_limit))
    make_folder(options.to)
    clear(options.to)
    run_watched(lambda progress: fetch(options, disk, progress))
    log.info("downloaded", source=options.source, bytes=(options.to / MODEL).stat().st_size)
    if (options.to / REQUIREMENTS).exists():
        install(options.to, Index(options.pip_index_url, options.pip_cert), disk)


def fetch(options: argparse.Namespace, disk: Disk, progress: Progress) -> None:
    parts, wanted = urlsplit(options.source), input_files.parse(options.input_files)
    if parts.scheme == "s3":
        from server.download.network import Endpoint  # noqa: PLC0415 - a folder needs no client of S3
        from server.download.s3 import S3Source  # noqa: PLC0415 - as above

        endpoint = Endpoint.of(options.endpoint, secure=options.secure)
        S3Source(options.source, endpoint, disk, progress).fetch(options.to, options.etag, wanted)
    elif parts.scheme == "file":
        folder.fetch(Path(unquote(parts.path)), disk, options.etag, wanted, progress)
    else:
        raise ModelError(f"{options.source}: expected s3://BUCKET/KEY or file:///PATH")
