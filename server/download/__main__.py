"""`python -m server.download`: parse the options, fetch, install; one sentence and an exit code at the end."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    # These imports are slow. They come after the handlers, so that a signal during them ends the process as well.
    from server import logs  # noqa: PLC0415
    from server.download.program import run  # noqa: PLC0415
    from server.errors import OWN_FAULT, ModelError, VersionError  # noqa: PLC0415

    options = arguments()
    logs.configure()
    try:
        run(options)
    except ModelError as error:
        logs.report_failure("download failed", str(error))
        return OWN_FAULT if isinstance(error, VersionError) else 1
    return 0


def stop(number: int, _frame: FrameType | None) -> NoReturn:
    """End at once, with the exit code of a process that the signal ended.

    Without a handler the kernel would drop the signal: this process is PID 1 of its container.
    """
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
        "--requirements-etag",
        default=env("KUBESERVE_REQUIREMENTS_ETAG", ""),
        help="refuse a requirements.txt that has another ETag; 'none': fetch none; empty: the one that is there",
    )
    parser.add_argument(
        "--input-files",
        default=env("KUBESERVE_INPUT_FILES", ""),
        help="files about the input to fetch too, each with its ETag or none: 'input-example.json=ETAG MLmodel='",
    )
    parser.add_argument(
        "--pip-index-url",
        default=env("KUBESERVE_PIP_INDEX_URL", ""),
        help="package index for requirements, instead of pypi.org",
    )
    parser.add_argument(
        "--pip-cert", default=env("KUBESERVE_PIP_CERT", ""), help="a file of certificates (PEM) that the index needs"
    )
    parser.add_argument(
        "--disk-limit",
        default=env("KUBESERVE_DISK_LIMIT", ""),
        help="disk that the model and its packages may use, such as 5Gi; empty: what is free",
    )
    parser.add_argument(
        "--volume-limit",
        default=env("KUBESERVE_VOLUME_LIMIT", ""),
        help="size of the volume that holds --to, such as 5Gi; empty: not limited",
    )
    options = parser.parse_args()
    # Not a flag: whoever has the URLs may read the files.
    options.urls = os.environ.pop("KUBESERVE_URLS", "")
    return options


if __name__ == "__main__":
    sys.exit(main())
