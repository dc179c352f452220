"""`python -m server.download`: parse the options, fetch, install; one sentence and an exit code at the end."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import structlog

from server import logs
from server.download import folder
from server.download.files import make_folder
from server.download.installer import Index, install
from server.download.network import Endpoint
from server.download.progress import Progress, run_watched
from server.download.s3 import S3Source
from server.errors import ModelError
from server.paths import MODEL, REQUIREMENTS

log = structlog.get_logger()


def main() -> int:
    options = arguments()
    logs.configure()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        download(options)
    except ModelError as error:
        logs.report_failure("download failed", str(error))
        return 1
    return 0


def stop(number: int, _frame: FrameType | None) -> NoReturn:
    """End at once, with the exit code of a process that the signal ended. PID 1 of a container needs a handler."""
    sys.exit(128 + number)


def arguments() -> argparse.Namespace:
    """Return the options. Each is also an environment variable, `KUBESERVE_…`: the pod sets those."""
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
    parser.add_argument("--etag", default=env("KUBESERVE_ETAG", ""), help="refuse an object that has another ETag")
    parser.add_argument(
        "--pip-index-url", default=env("KUBESERVE_PIP_INDEX_URL", ""), help="where requirements come from, not pypi.org"
    )
    parser.add_argument(
        "--pip-cert", default=env("KUBESERVE_PIP_CERT", ""), help="a file of certificates (PEM) that the index needs"
    )
    return parser.parse_args()


def download(options: argparse.Namespace) -> None:
    """Put model.joblib, and packages/ if there is a requirements.txt, into the folder.

    Raises:
        ModelError: in one sentence; nothing half-written is left under the final name.

    """
    make_folder(options.to)
    run_watched(lambda progress: fetch(options, progress))
    log.info("downloaded", source=options.source, bytes=(options.to / MODEL).stat().st_size)
    if (options.to / REQUIREMENTS).exists():
        install(options.to, Index(options.pip_index_url, options.pip_cert))


def fetch(options: argparse.Namespace, progress: Progress) -> None:
    parts = urlsplit(options.source)
    if parts.scheme == "s3":
        endpoint = Endpoint.of(options.endpoint, secure=options.secure)
        S3Source(options.source, endpoint, progress).fetch(options.to, options.etag)
    elif parts.scheme == "file":
        folder.fetch(Path(unquote(parts.path)), options.to, options.etag, progress)
    else:
        raise ModelError(f"{options.source}: expected s3://BUCKET/KEY or file:///PATH")


if __name__ == "__main__":
    sys.exit(main())
