"""Row 14: the watcher's clock jumps by an hour, forwards or back. Nothing is removed or rolled, and it is shown."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dev import debian
from tests.integration.driving import eventually

from .rows import amount, record
from .scene import Scene, after_surveys, source

HOUR = 3600
SLEEP = "import threading, time; time.sleep = lambda seconds: threading.Event().wait(seconds) and None"
"""Under libfaketime, Python's own sleep fails now and then with EINVAL: it names a moment of the monotonic clock."""


class Clock:
    """The wall clock of a process, which libfaketime moves. The monotonic clock goes on."""

    def __init__(self, file: Path) -> None:
        self._file, self._python = file, file.with_name("python")
        self._python.mkdir()
        (self._python / "sitecustomize.py").write_text(SLEEP)
        self.move(0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that has this clock. The file is read at each look at the clock."""
        library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "PYTHONPATH": str(self._python),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move(self, seconds: int) -> None:
        """Set the clock this far from the machine's."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}")
        new.rename(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    try:
        debian.install({"faketime": "faketime"})
    except debian.NotInstallable as error:
        pytest.skip(str(error))
    return Clock(tmp_path / "clock")


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_clock_that_jumps_by_an_hour_removes_and_rolls_nothing_and_is_shown(
    scene: Scene, clock: Clock, jump: int
) -> None:
    with scene.process(**clock.environment) as watcher:
        for model in "ab":
            scene.put(f"{model}/v1/model.joblib")
        eventually(lambda: scene.is_up("a") and scene.is_up("b"))
        after_surveys(watcher, 2)
        before = scene.identities()
        clock.move(jump)
        after_surveys(watcher, amount(3, 30))
        eventually(lambda: not source(watcher, "clock")["live"])
        assert scene.identities() == before
        scene.put("c/v1/model.joblib")
        scene.delete("b/v1/model.joblib")
        began = time.monotonic()
        eventually(lambda: scene.is_up("c") and not scene.kinds("b"))
        seconds = time.monotonic() - began
        clock.move(0)
        after_surveys(watcher, 3)
        assert {key: item for key, item in scene.identities().items() if key in before} == {
            key: item for key, item in before.items() if key[1] == "a-model-serving"
        }
    record(14, f"{jump // HOUR:+d} h", f"shown; an upload and a deletion applied within {seconds:.1f} s meanwhile")
