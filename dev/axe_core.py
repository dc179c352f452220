"""axe-core, which finds what screen readers and keyboards cannot use in a page: its one file, from the npm registry."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import urllib.request
from pathlib import Path

from dev.tools import ToolUnavailable, cache_dir

VERSION = "4.14.1"
URL = f"https://registry.npmjs.org/axe-core/-/axe-core-{VERSION}.tgz"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""Of the package, in base64, as the registry's `integrity` has it."""
SECONDS = 60.0


def script() -> str:
    """Return the script. Its package is downloaded once and must have the known digest.

    Raises:
        ToolUnavailable: the registry does not answer, or has other bytes.

    """
    kept = cache_dir() / "bin" / f"axe-core-{VERSION}" / "axe.min.js"
    if not kept.exists():
        _keep(_downloaded(), kept)
    return kept.read_text()


def _downloaded() -> bytes:
    try:
        with urllib.request.urlopen(URL, timeout=SECONDS) as answer:
            package = bytes(answer.read())
    except OSError as error:
        raise ToolUnavailable(f"axe-core could not be downloaded from {URL}: {error}") from error
    if base64.b64encode(hashlib.sha512(package).digest()).decode() != SHA512:
        raise ToolUnavailable(f"{URL} has other bytes than the known ones.")
    return package


def _keep(package: bytes, path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        content = member.read()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)
