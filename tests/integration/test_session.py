"""`make run` in a terminal: its lines are ours, and those that it prints to paste work."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from .driving import PROGRESS, eventually

ROOT = Path(__file__).parents[2]


def test_run_prints_a_context_with_which_push_works_at_once(tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "dev.run", "run", "--store", "folder"]
    process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=end, stderr=end, start_new_session=True)
    os.close(end)
    printed: list[str] = []
    reader = threading.Thread(target=read, args=(terminal, printed), daemon=True)
    reader.start()
    try:
        eventually(lambda: "# Ctrl-C stops everything" in "".join(printed) or process.poll() is not None)
        text = "".join(printed).replace("\r", "")
        assert "Sanic" not in text
        (export,) = re.findall(r"^export .*$", text, re.MULTILINE)
        (push,) = re.findall(r"^\S*kubeserve (push .*)$", text, re.MULTILINE)
        pasted = f"{export}\n{sys.executable} -m watcher {push}"
        done = subprocess.run(pasted, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "ready       v1 after " in done.stdout
        assert ".kubeserve/bucket/my-team/iris/v1 (" in done.stdout
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PROGRESS) == 0


def read(terminal: int, printed: list[str]) -> None:
    """Collect what the program prints, until it ends, which is an error of its terminal."""
    try:
        while text := os.read(terminal, 65536):
            printed.append(text.decode(errors="replace"))
    except OSError:
        return
