"""Hints from the operating system about changes in a folder that stands in for the bucket."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from watcher.sources.base import Reporter
from watcher.stores.folder import SETTLE_SECONDS

log = structlog.get_logger()

QUIET_MILLISECONDS = int(SETTLE_SECONDS * 1000) + 100
"""A hint waits until the folder was quiet for this long: by then the listing accepts the files."""
CHECK_MILLISECONDS = 500
"""How often the watch is interrupted to check whether it must stop and whether the folder is still the same one."""
RETRY_SECONDS = 10.0
"""After a failure of the watch. The poll finds changes meanwhile."""


class FolderWatch(threading.Thread):
    """Implements `Source` for a folder, until `stop`.

    It waits for a folder that does not exist and never creates it: a mistyped path should be visible, and a folder
    that is not mounted should not look empty.
    """

    source = "folder"

    def __init__(self, root: Path, reporter: Reporter) -> None:
        super().__init__(name=self.source, daemon=True)
        self._root, self._reporter = root, reporter
        self._halt = threading.Event()

    def start(self) -> None:
        """Report the source as not live, and begin to watch."""
        self._reporter.down("connecting")
        super().start()

    def stop(self) -> None:
        """End the watch within CHECK_MILLISECONDS."""
        self._halt.set()

    def run(self) -> None:
        """Watch until `stop`; after a failure, report it and try again."""
        while not self._halt.is_set():
            pause = SETTLE_SECONDS
            try:
                if self._root.is_dir():
                    self._watch()
                else:
                    self._lost(f"there is no folder {self._root}")
            except ImportError:
                pause = self._lost("the package watchfiles is not installed: pip install 'kubeserve[local]'")
            except Exception as error:  # whatever the watch fails with: the thread must go on, and the status say why
                log.debug("unexpected", exc_info=True)
                pause = self._lost(f"the folder cannot be watched: {error}")
            self._halt.wait(pause)

    def _watch(self) -> None:
        """Give hints until `stop`, or until another folder, or none, is at the path."""
        # An extra of the package: the image for clusters does without it.
        from watchfiles import Change, watch  # noqa: PLC0415

        root = self._root.resolve()
        before = _identity(self._root)
        changes = watch(
            root,
            stop_event=self._halt,
            step=QUIET_MILLISECONDS,
            debounce=60_000,
            rust_timeout=CHECK_MILLISECONDS,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        self._reporter.up()
        self._reporter.hint()
        for batch in changes:
            for change, path in batch:
                self._hint_at(Path(path), root, deleted=change is Change.deleted)
            if _identity(self._root) != before:
                self._reporter.hint()
                return

    def _hint_at(self, path: Path, root: Path, *, deleted: bool) -> None:
        """Hint at a file. A path that is no longer a file may be a folder that was moved with all its files.

        A name that begins with a dot is a file that a program of ours, or another one, is about to rename.
        """
        if path.name.startswith("."):
            return
        key = path.relative_to(root).as_posix()
        if path.is_file():
            self._reporter.hint(key)
            return
        if deleted:
            self._reporter.on_deleted(key)
        self._reporter.hint()

    def _lost(self, reason: str) -> float:
        if not self._halt.is_set() and self._reporter.down(reason):
            log.warning("the folder is not watched", reason=reason)
        return RETRY_SECONDS


def _identity(root: Path) -> tuple[int, int] | None:
    try:
        stat = root.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
