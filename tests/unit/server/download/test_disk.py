from __future__ import annotations

import math
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from server.download import disk
from server.download.disk import Disk, Room, parse_limit, readable, used
from server.errors import ModelError

GI = 2**30


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every disk 2 GiB of free space."""
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=2**19, f_frsize=4096))


@pytest.mark.usefixtures("free")
@pytest.mark.parametrize(
    ("pod", "volume", "limit"),
    [
        (None, None, "only 2 GiB are free on the disk of /model: make room there"),
        (3 * GI, 5 * GI, "only 2 GiB are free on the disk of /model: make room there"),
        (
            GI,
            2 * GI,
            "this pod may use 1 GiB of disk: raise deployment.resources.limits.ephemeral-storage in values.yaml",
        ),
        (
            2 * GI,
            GI,
            "the volume 'model' may hold 1 GiB: raise deployment.volumeLimits.model, which the operator sets",
        ),
    ],
)
def test_room_is_the_least_of_the_limits_and_of_what_is_free(pod: int | None, volume: int | None, limit: str) -> None:
    room = Disk(Path("/model"), pod, volume).room()
    room.check("model.joblib", room.size)
    with pytest.raises(ModelError) as caught:
        room.check("model.joblib", 3435973837)
    assert str(caught.value) == f"model.joblib is 3.3 GiB, but {limit}"


def test_limited_stops_a_file_that_is_larger_than_announced() -> None:
    found = Room(1000, "this pod may use 1000 bytes of disk").limited("s3://b/k", [bytes(500)] * 3)
    assert [len(next(found)) for _ in range(2)] == [500, 500]
    with pytest.raises(ModelError, match=r"s3://b/k is more than 1\.5 KiB, but this pod may use 1000 bytes of disk"):
        next(found)


def test_check_use_counts_the_folder_and_the_scratch_folder(tmp_path: Path) -> None:
    folder, scratch = tmp_path / "model", tmp_path / "scratch"
    for path in (folder / "packages", scratch / "pip"):
        path.mkdir(parents=True)
        (path / "file").write_bytes(bytes(100_000))
    size = used(folder)
    assert size == used(scratch) >= 100_000
    Disk(folder).check_use(scratch)
    Disk(folder, 2 * size, size).check_use(scratch)
    with pytest.raises(
        ModelError, match=r"more than the .* of disk that this pod may use: raise deployment\.resources"
    ):
        Disk(folder, 2 * size - 1).check_use(scratch)
    with pytest.raises(
        ModelError, match=r"more than the .* of the volume 'packages': raise deployment\.volumeLimits\.packages"
    ):
        Disk(folder, None, size - 1, "packages").check_use(scratch)


def test_used_ignores_files_that_vanish_and_follows_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to("/usr")
    (tmp_path / "gone").touch()
    real = os.walk(tmp_path)
    (tmp_path / "gone").unlink()
    monkeypatch.setattr(disk.os, "walk", lambda _: [(path, found, [*names, "gone"]) for path, found, names in real])
    assert used(tmp_path) < 10_000


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", None),
        ("0", None),
        ("1073741824", GI),
        ("1Gi", GI),
        ("1.5Gi", GI + GI // 2),
        ("1G", 10**9),
        ("500M", 5 * 10**8),
        ("2k", 2000),
        ("3Ti", 3 * 2**40),
    ],
)
def test_parse_limit_reads_quantities_of_kubernetes(text: str, size: int | None) -> None:
    assert parse_limit(text) == size


@pytest.mark.parametrize("text", ["much", "-1", "1Gi\n", "1 Gi", "1e3", "1gi", "9" * 19])
def test_parse_limit_of_something_else_is_one_sentence(text: str) -> None:
    with pytest.raises(ModelError, match="expected bytes, or a quantity such as 500Mi or 2Gi"):
        parse_limit(text)


@pytest.mark.parametrize(
    ("size", "down", "up"),
    [
        (0, "0 bytes", "0 bytes"),
        (1023, "1023 bytes", "1023 bytes"),
        (GI, "1 GiB", "1 GiB"),
        (GI + 1, "1 GiB", "1.1 GiB"),
        (1_600_000, "1.5 MiB", "1.6 MiB"),
        (2**50, "1024 TiB", "1024 TiB"),
    ],
)
def test_readable_rounds_a_limit_down_and_a_need_up(size: int, down: str, up: str) -> None:
    assert (readable(size), readable(size, math.ceil)) == (down, up)
