"""What `kubeserve render` and `kubeserve diff` refuse of the files in the bucket, as the watcher does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from watcher.core.catalog import read_listing
from watcher.core.types import ModelId
from watcher.errors import Rejected
from watcher.rendering import user_overrides
from watcher.settings import Settings
from watcher.stores.folder import FolderBucket


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ("allow", ""),
        ("hashed", r"requirements.txt, line 1 \(x\): an exact version and a --hash are needed"),
        ('"off"', "requirements.txt is not permitted"),
    ],
)
def test_user_overrides_of_a_version_whose_requirements_are_not_permitted_are_refused(
    tmp_path: Path, policy: str, problem: str
) -> None:
    folder, values = tmp_path / "bucket" / "team" / "iris" / "v1", tmp_path / "values.yaml"
    folder.mkdir(parents=True)
    (folder / "model.joblib").write_bytes(b"m")
    (folder / "requirements.txt").write_text("x==1\n")
    for file in folder.iterdir():
        os.utime(file, (0, 0))  # a file that has just changed may still be written, and is not listed
    values.write_text(f"download: {{requirements: {policy}}}")
    bucket, settings = FolderBucket(tmp_path / "bucket"), Settings(chart_values=str(values))
    entry = read_listing(bucket.list()).entries[ModelId("team", "iris")]
    if not problem:
        assert user_overrides(settings, bucket, entry, entry.versions[0]) == {}
        return
    with pytest.raises(Rejected, match=f"^team/iris/v1/{problem}"):
        user_overrides(settings, bucket, entry, entry.versions[0])
