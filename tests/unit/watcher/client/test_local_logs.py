from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from watcher.client.local_logs import local_lines
from watcher.client.log_lines import LONGEST, Lines
from watcher.core.types import ModelId

IRIS = ModelId("team", "iris")


def replica(root: Path, number: int, version: str, log: str = "") -> Path:
    folder = root / "team" / "iris" / f"{number:016x}-{number}"
    folder.mkdir(parents=True)
    (folder / "version").write_text(version)
    (folder / "log").write_text(log)
    return folder


def shown(lines: Iterator[object]) -> list[tuple[str, str]]:
    return [(line.origin, line.text) for line in lines]  # type: ignore[attr-defined]


def test_lines_are_cut_where_they_end_and_cleaned() -> None:
    lines = Lines()
    assert lines.add(b"one\r\n  tw") == ["one"]
    assert lines.add(b"o\t\x1b[31m\xff\nthree") == ["  two\t [31m\ufffd"]
    assert (lines.end(), lines.end()) == (["three"], [])


def test_a_line_without_an_end_is_cut() -> None:
    lines = Lines()
    assert [len(line) for line in lines.add(b"x" * (LONGEST + 1))] == [LONGEST + 1]
    assert lines.end() == []


def test_the_logs_of_all_replicas_are_shown_the_oldest_first_with_their_version(tmp_path: Path) -> None:
    replica(tmp_path, 10, "v2", "a\nb")
    replica(tmp_path, 9, "v1", "c\n")
    assert shown(local_lines(tmp_path, IRIS)) == [("v1", "c"), ("v2", "a"), ("v2", "b")]
    assert shown(local_lines(tmp_path, IRIS, version="v2", tail=1)) == [("v2", "b")]
    assert shown(local_lines(tmp_path, IRIS, tail=0)) == []
    assert shown(local_lines(tmp_path, ModelId("team", "wine"))) == []


def test_a_log_that_a_model_replaced_by_something_else_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    link, pipe = replica(tmp_path, 1, "v1") / "log", replica(tmp_path, 2, "v2") / "log"
    for path in (link, pipe):
        path.unlink()
    link.symlink_to(secret)
    os.mkfifo(pipe)
    assert shown(local_lines(tmp_path, IRIS)) == []


def test_follow_shows_what_is_written_later_and_what_starts_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = replica(tmp_path, 1, "v1", "old\nlast\nhal")

    def later(_: float) -> None:
        with (first / "log").open("a") as log:
            log.write("f\n")
        replica(tmp_path, 2, "v2", "new\n")

    def gone(_: float) -> None:
        with (first / "log").open("a") as log:
            log.write("bye")
        for path in (first / "log", first / "version"):
            path.unlink()
        monkeypatch.setattr("time.sleep", stop)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", lambda seconds: (monkeypatch.setattr("time.sleep", gone), later(seconds)))
    found: list[tuple[str, str]] = []
    with pytest.raises(KeyboardInterrupt):
        found.extend((line.origin, line.text) for line in local_lines(tmp_path, IRIS, tail=1, follow=True))
    assert found == [("v1", "last"), ("v1", "half"), ("v2", "new"), ("v1", "bye")]


def test_a_version_that_a_model_wrote_is_cleaned(tmp_path: Path) -> None:
    replica(tmp_path, 1, "v1\x1b[2J", "a\n")
    assert shown(local_lines(tmp_path, IRIS)) == [("v1 [2J", "a")]


def test_a_log_without_a_tail_is_not_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.client.local_logs.CHUNK", 2)
    log = replica(tmp_path, 1, "v1", "a\nb\n") / "log"
    lines = local_lines(tmp_path, IRIS)
    assert next(lines).text == "a"
    with log.open("a") as more:
        more.write("c\n")
    assert [line.text for line in lines] == ["b", "c"]


def test_a_log_that_begins_another_file_is_followed_and_its_first_file_is_shown_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = replica(tmp_path, 1, "v1", "c\n")
    (folder / "log.1").write_text("a\nb\n")
    steps = iter([lambda: (folder / "log").rename(folder / "log.1"), lambda: (folder / "log").write_text("d\n")])

    monkeypatch.setattr("watcher.client.local_logs.time.sleep", lambda _: next(steps)())
    lines = local_lines(tmp_path, IRIS, follow=True)
    assert [next(lines).text for _ in range(4)] == ["a", "b", "c", "d"]
