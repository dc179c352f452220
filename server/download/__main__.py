"""`python -m server.download`: parse the options and fetch; one sentence and an exit code at the end."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from server.init_container import run


def main() -> int:
    return run("download failed", work)


def work() -> None:
    from server.download.program import run_all  # noqa: PLC0415 - slow; the signal handlers are set by now

    run_all(arguments())


def arguments() -> argparse.Namespace:
    """Return the options. Each is also an environment variable, `KUBESERVE_…`: the pod sets those."""
    env = os.environ.get
    parser = argparse.ArgumentParser(prog="python -m server.download", description="Fetch one model.")
    source, to = env("KUBESERVE_SOURCE"), env("KUBESERVE_TO")
    parser.add_argument("--source", default=source, required=not source, help="s3://BUCKET/KEY or file:///PATH")
    parser.add_argument("--to", type=Path, default=to, required=not to, help="folder for model.joblib")
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
        "--disk-limit",
        default=env("KUBESERVE_DISK_LIMIT", ""),
        help="disk that the model may use, such as 5Gi; empty: what is free",
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
