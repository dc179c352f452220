"""`python -m server.install`: parse the options and install; one sentence and an exit code at the end."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from server.init_container import run


def main() -> int:
    return run("installation failed", work)


def work() -> None:
    options = arguments()
    from server.install.program import install_all  # noqa: PLC0415 - slow; the signal handlers are set by now

    install_all(options)


def arguments() -> argparse.Namespace:
    """Return the options. Each is also an environment variable, `KUBESERVE_…`: the pod sets those."""
    from requirements_txt.policy import POLICIES  # noqa: PLC0415 - as above

    env = os.environ.get
    parser = argparse.ArgumentParser(prog="python -m server.install", description="Install a model's requirements.txt.")
    model, to = env("KUBESERVE_MODEL"), env("KUBESERVE_TO")
    parser.add_argument(
        "--model", type=Path, default=model, required=not model, help="folder of the model; nothing is written there"
    )
    parser.add_argument("--to", type=Path, default=to, required=not to, help="folder for the packages")
    parser.add_argument(
        "--requirements",
        choices=POLICIES,
        default=env("KUBESERVE_REQUIREMENTS", POLICIES[0]),
        help="what requirements.txt may name: packages, packages with exact versions and hashes, or none",
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
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
