"""Build the two images with podman, buildah or docker: `python -m dev.images [--base IMAGE]`."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILDERS = ("podman", "buildah", "docker")
BASE = "python:3.11-slim"
REGISTRY = "localhost:5001"
NAMES = {"server": "kubeserve-base", "watcher": "kubeserve-watcher"}
"""Suffix of the Dockerfile → image. The first is the default of the model's chart."""

CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


class BuildError(Exception):
    """An image was not built; the message says why."""


def image(part: str, registry: str = REGISTRY, tag: str = "latest") -> str:
    """Return the full name of an image, such as `localhost:5001/kubeserve-base:latest`."""
    return f"{registry}/{NAMES[part]}:{tag}"


def builder() -> str:
    found = next((name for name in BUILDERS if shutil.which(name)), None)
    if not found:
        raise BuildError(f"none of {', '.join(BUILDERS)} is on PATH: install one")
    return found


def command(program: str, part: str, name: str, base: str, extra: Sequence[str] = ()) -> list[str]:
    """Return the command that builds one image from its Dockerfile."""
    return [
        *(program, "build", "-f", f"Dockerfile.{part}", "-t", name),
        *("--build-arg", f"BASE={base}"),
        *(trust() if program != "docker" else ()),
        *extra,
        ".",
    ]


def trust() -> list[str]:
    """Return options with which the build, but not the image, trusts the certificates of this machine.

    A proxy that inspects TLS needs this.
    """
    return ["--volume", f"{CA_BUNDLE}:{CA_BUNDLE}:ro"] if CA_BUNDLE.exists() else []


def build(part: str, name: str, base: str, extra: Sequence[str] = (), *, quiet: bool = False) -> None:
    """Build one image.

    Raises:
        BuildError: With the builder's last lines, if they were not printed.

    """
    done = subprocess.run(
        command(builder(), part, name, base, extra), cwd=ROOT, capture_output=quiet, text=True, check=False
    )
    if done.returncode:
        last = "\n".join((done.stderr or "").splitlines()[-8:]) or "see above"
        raise BuildError(f"{name} could not be built:\n{last}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.images", description=__doc__)
    parser.add_argument("--base", default=BASE, help="the base of both images")
    parser.add_argument("--registry", default=REGISTRY)
    parser.add_argument("--tag", default="latest")
    options = parser.parse_args()
    try:
        for part in NAMES:
            name = image(part, options.registry, options.tag)
            build(part, name, options.base)
            print(f"built {name}")
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
