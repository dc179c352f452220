"""`make run` in a terminal, whose printed lines work when they are pasted, and `kubeserve local`."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from dev import sample

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


def test_local_serves_what_is_pushed_with_the_context_that_it_makes(tmp_path: Path) -> None:
    known = {key: value for key, value in os.environ.items() if not key.startswith("KUBESERVE_")}
    env = {**known, "PYTHONPATH": str(ROOT), "KUBESERVE_CONFIG": str(tmp_path / "config.yaml")}
    (tmp_path / "iris.joblib").write_bytes(sample.first())
    program = [sys.executable, "-m", "watcher"]

    def kubeserve(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    kubeserve("context", "set", "lab", "-n", "team")
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen([*program, "local"], cwd=tmp_path, env=env, stdout=log, stderr=log)
    try:
        eventually(lambda: kubeserve("status").returncode == 0 or process.poll() is not None)
        done = kubeserve("push", "iris.joblib")
        assert (done.returncode, done.stderr) == (0, ""), (tmp_path / "log").read_text()
        rows = "[[5.1, 3.5, 1.4, 0.2]]"
        assert kubeserve("predict", "iris", rows).stdout == "setosa\n"
        (tmp_path / "rows.csv").write_text("a,b,c,d\n5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n")
        assert kubeserve("predict", "iris", "rows.csv").stdout == "setosa\nvirginica\n"
        lines = kubeserve("predict", "iris", rows, "--proba").stdout.splitlines()
        assert lines[0] == "setosa\tversicolor\tvirginica"
        assert float(lines[1].split("\t")[0]) > 0.9
        refused = kubeserve("predict", "iris", "[[1]]")
        assert refused.returncode == 1
        assert refused.stderr.startswith("Error: HTTP 400: data[0] has 1 value")
        assert kubeserve("open", "iris").stdout.startswith("http://127.0.0.1:")
        assert "kubeserve context use lab" in (tmp_path / "log").read_text()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PROGRESS) == 0, (tmp_path / "log").read_text()
        log.close()
