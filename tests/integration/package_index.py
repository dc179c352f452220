"""A package index on this machine, which asks for a user and password."""

from __future__ import annotations

import base64
import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from .proxies import serving

USER = "reader:pass$word"


@dataclass
class PackageIndex:
    """A simple repository (PEP 503) that asks for a user and password, and what it was asked for."""

    folder: Path
    address: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{USER}@{self.address}"

    def wheel(self, name: str, *requires: str, version: str = "1.0") -> str:
        """Add a version of a package with one module; return the file's hash."""
        path = self.folder / name / f"{name}-{version}-py3-none-any.whl"
        path.parent.mkdir(exist_ok=True)
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            f"Version: {version}",
            *(f"Requires-Dist: {item}" for item in requires),
        ]
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.py", "ANSWER = 42\n")
            archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n")
            archive.writestr(
                f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{name}-{version}.dist-info/RECORD", "")
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def source(self, name: str) -> None:
        (self.folder / name).mkdir()
        with tarfile.open(self.folder / name / f"{name}-1.0.tar.gz", "w:gz"):
            pass


@contextmanager
def package_index(folder: Path) -> Iterator[PackageIndex]:
    """Serve an empty index from a new folder."""
    made = PackageIndex(folder)
    made.folder.mkdir()
    expected = f"Basic {base64.b64encode(USER.encode()).decode()}"

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(made.folder))

        def do_GET(self) -> None:
            made.asked.append(self.path)
            if self.headers.get("Authorization") == expected:
                super().do_GET()
            else:
                self.send_error(401)

        def log_message(self, *_: Any) -> None: ...

    with serving(Handler) as made.address:
        yield made
