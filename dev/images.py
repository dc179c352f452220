"""Build the two images by podman, buildah or docker, whichever is there: `python -m dev.images [--base IMAGE]`."""

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
"""Dockerfile's suffix → image. The model chart's default names the first."""

CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


class BuildError(Exception):
    """An image was not built; the message says why."""


def image(part: str, registry: str = REGISTRY, tag: str = "latest") -> str:
    """The image's whole name, such as `localhost:5001/kubeserve-base:latest`."""
    return f"{registry}/{NAMES[part]}:{tag}"


def builder() -> str:
    found = next((name for name in BUILDERS if shutil.which(name)), None)
    if not found:
        raise BuildError(f"none of {', '.join(BUILDERS)} is on PATH: install one")
    return found


def command(program: str, part: str, name: str, base: str, extra: Sequence[str] = ()) -> list[str]:
    """What builds one image from its Dockerfile."""
    return [
        *(program, "build", "-f", f"Dockerfile.{part}", "-t", name),
        *("--build-arg", f"BASE={base}"),
        *(trust() if program != "docker" else ()),
        *extra,
        ".",
    ]


def trust() -> list[str]:
    """The build trusts what this machine trusts (a proxy that looks into TLS, say); the image does not."""
    return ["--volume", f"{CA_BUNDLE}:{CA_BUNDLE}:ro"] if CA_BUNDLE.exists() else []


def build(part: str, name: str, base: str, extra: Sequence[str] = (), *, quiet: bool = False) -> None:
    """Build one image.

    Raises:
        BuildError: with the builder's last words, where they were not shown.

    """
    done = subprocess.run(
        command(builder(), part, name, base, extra), cwd=ROOT, capture_output=quiet, text=True, check=False
    )
    if done.returncode:
        last = "\n".join((done.stderr or "").splitlines()[-8:]) or "see above"
        raise BuildError(f"{name} could not be built:\n{last}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.images", description=__doc__)
    parser.add_argument("--base", default=BASE, help="the image that both are built on")
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
