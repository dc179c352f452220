"""A model's requirements.txt, installed by the real pip from a package index on this machine."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from .proxies import serving

USER = "reader:pass$word"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDOFTHESTORE", "AWS_SECRET_ACCESS_KEY": "secretofthestore"}


@dataclass
class PackageIndex:
    """A simple repository (PEP 503) that asks for a user and password, and what it was asked for."""

    folder: Path
    address: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{USER}@{self.address}"

    def wheel(self, name: str, *requires: str) -> str:
        """Add version 1.0 of a package with one module; return the file's hash."""
        path = self.folder / name / f"{name}-1.0-py3-none-any.whl"
        path.parent.mkdir()
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            "Version: 1.0",
            *(f"Requires-Dist: {item}" for item in requires),
        ]
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.py", "ANSWER = 42\n")
            archive.writestr(f"{name}-1.0.dist-info/METADATA", "\n".join(lines) + "\n")
            archive.writestr(
                f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def source(self, name: str) -> None:
        (self.folder / name).mkdir()
        with tarfile.open(self.folder / name / f"{name}-1.0.tar.gz", "w:gz"):
            pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    made = PackageIndex(tmp_path / "index")
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


@dataclass
class Folder:
    """A model in a folder, and the folder that it is downloaded to."""

    root: Path

    def download(self, requirements: str, **env: str) -> str:
        """Return the reason of the failure, or ""."""
        source, message = self.root / "bucket", self.root / "message"
        source.mkdir(exist_ok=True)
        (source / "model.joblib").write_bytes(b"model")
        (source / "requirements.txt").write_text(requirements)
        message.write_text("")
        command = [sys.executable, "-m", "server.download", "--source", (source / "model.joblib").as_uri()]
        command += ["--to", str(self.root / "to")]
        plain = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        environment = {**plain, **KEYS, "KUBESERVE_TERMINATION_LOG": str(message), **env}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        assert "pass$word" not in done.stderr
        assert (done.returncode == 0) == (message.read_text() == "")
        return message.read_text()

    @property
    def packages(self) -> Path:
        return self.root / "to" / "packages"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_requirements_come_with_what_they_need_from_the_operators_index(folder: Folder, index: PackageIndex) -> None:
    index.wheel("needed")
    index.wheel("wanted", "needed>=1")
    assert folder.download("Wanted==1.0  # the model needs it\n", KUBESERVE_PIP_INDEX_URL=index.url) == ""
    assert (folder.packages / "wanted.py").exists()
    assert (folder.packages / "needed.py").exists()


def test_requirements_pip_settings_of_the_machine_do_not_change_the_index(folder: Folder, index: PackageIndex) -> None:
    index.wheel("wanted")
    elsewhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:1/",
        "PIP_NO_INDEX": "1",
        "HOME": "/nowhere",
        "PYTHONPATH": "/nowhere",
    }
    del elsewhere["PYTHONPATH"]
    assert folder.download("wanted\n", KUBESERVE_PIP_INDEX_URL=index.url, **elsewhere) == ""


def test_requirements_with_the_right_hash_are_installed_and_with_another_refused(
    folder: Folder, index: PackageIndex
) -> None:
    digest = index.wheel("wanted")
    env = {"KUBESERVE_PIP_INDEX_URL": index.url}
    assert "another hash than its --hash" in folder.download(f"wanted==1.0 --hash=sha256:{'a' * 64}\n", **env)
    assert not folder.packages.exists()
    assert folder.download(f"wanted==1.0 \\\n    --hash=sha256:{digest}\n", **env) == ""


def test_requirements_with_hashes_need_one_for_each_dependency(folder: Folder, index: PackageIndex) -> None:
    index.wheel("needed")
    digest = index.wheel("wanted", "needed")
    reason = folder.download(f"wanted==1.0 --hash=sha256:{digest}\n", KUBESERVE_PIP_INDEX_URL=index.url)
    assert "a dependency is not listed with its --hash" in reason


def test_requirements_that_exist_as_source_only_are_not_built(folder: Folder, index: PackageIndex) -> None:
    index.source("wanted")
    reason = folder.download("wanted\n", KUBESERVE_PIP_INDEX_URL=index.url)
    assert "wanted has no wheel on the package index, only source code, which is not built here" in reason


@pytest.mark.parametrize(
    ("requirements", "env", "cause"),
    [
        ("missing\n", {}, "the package index has no package named missing"),
        ("wanted==9\n", {}, "the package index has no version of wanted that fits for Python 3."),
        ("wanted\n", {"KUBESERVE_PIP_INDEX_URL": "http://127.0.0.1:1/"}, "refuses the connection"),
        ("wanted\n", {"KUBESERVE_PIP_INDEX_URL": "https://index.invalid/"}, "cannot be resolved (DNS)"),
        ("wanted\n", {"HTTP_PROXY": "http://127.0.0.1:1"}, "the proxy (HTTPS_PROXY) fails"),
        ("wanted\n", {"KUBESERVE_PIP_INDEX_URL": "index.example"}, "KUBESERVE_PIP_INDEX_URL: expected a URL"),
        ("wanted\n", {"KUBESERVE_PIP_CERT": "/missing.pem"}, "KUBESERVE_PIP_CERT: /missing.pem cannot be read"),
    ],
)
def test_requirements_that_cannot_be_installed_say_why(
    folder: Folder, index: PackageIndex, requirements: str, env: dict[str, str], cause: str
) -> None:
    index.wheel("wanted")
    assert cause in folder.download(requirements, **{"KUBESERVE_PIP_INDEX_URL": index.url, **env})


def test_requirements_above_the_disk_limit_are_stopped_and_leave_nothing(
    folder: Folder, index: PackageIndex, tmp_path: Path
) -> None:
    index.wheel("wanted")
    env = {"KUBESERVE_PIP_INDEX_URL": index.url, "TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    reason = folder.download("wanted\n", KUBESERVE_DISK_LIMIT="8192", **env)
    assert reason.startswith(
        "requirements.txt cannot be installed: the model and its packages need more than the 8 KiB"
    )
    assert list((tmp_path / "tmp").iterdir()) == []
    assert folder.download("wanted\n", KUBESERVE_DISK_LIMIT="100M", **env) == ""


def test_requirements_that_would_send_the_stores_keys_away_reach_nobody(folder: Folder, index: PackageIndex) -> None:
    url = f"http://{index.address}"
    for line in (
        f"x @ {url}/${{AWS_SECRET_ACCESS_KEY}}/x.whl",
        f"--index-url {url}/${{AWS_SECRET_ACCESS_KEY}}\nx",
        f"x --config-settings={url}",
        f"-r {url}/more.txt",
        "x==${AWS_SECRET_ACCESS_KEY}",
    ):
        reason = folder.download(line + "\n", KUBESERVE_PIP_INDEX_URL=index.url)
        assert reason.startswith("requirements.txt, line 1")
        assert index.address not in reason
        assert "secretofthestore" not in reason
    assert index.asked == []
