"""Models whose code attacks the machine that serves them, with bubblewrap and without, beside a neighbour."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from dev import debian

from .driving import Watcher, eventually, model

SECRET = "planted-secret-of-the-watcher"
DAEMON = "86399.71"
LONG = 300

PROBE = """
import glob, os, socket
found = []
def look(name, does):
    try:
        if does(): found.append(name)
    except Exception: pass
def holds(path): return "{secret}" in open(path, errors="replace").read()
look("own environment", lambda: holds("/proc/self/environ") or "{secret}" in str(os.environ))
look("environment of others", lambda: holds("/proc/{watcher}/environ"))
look("memory of the watcher", lambda: open("/proc/{watcher}/mem", "rb"))
look("keys in the home", lambda: holds("{home}/.aws/credentials"))
look("files of other models", lambda: glob.glob("{state}/team/neighbour/*/model.joblib"))
look("the bucket", lambda: os.listdir("{bucket}"))
look("its own file", lambda: open(glob.glob("{state}/team/probe/*/model.joblib")[0], "ab"))
look("the network", lambda: socket.create_connection(("127.0.0.1", {port}), 5))
def reuse(descriptor):
    "Take a socket that was passed to the server, and connect it to a port of this machine."
    with socket.socket(fileno=os.dup(descriptor)) as passed:
        passed.shutdown(socket.SHUT_RDWR)
        passed.connect(("127.0.0.1", {port}))
        return True
for descriptor in range(3, 100):
    look("the network by the socket of the server", lambda: reuse(descriptor))
raise RuntimeError("found: " + ", ".join(found))
"""
FORKS = """
import os, time
while True:
    if os.fork() == 0:
        time.sleep(600)
"""
MEMORY = "held = [bytearray(64 << 20) for _ in range(1000)]"
FILE = """
import tempfile, os
with tempfile.TemporaryFile() as file:
    os.pwrite(file.fileno(), b"x", 1 << 30)
raise RuntimeError("it was written")
"""
LEAVES_DAEMON = f"""
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "{DAEMON}"])
    os._exit(0)
os.wait()
raise RuntimeError("left a daemon")
"""
LIES = r'raise RuntimeError("ok\x1b[2J\x1b[1;1H\x07 team  neighbour  v1  Ready  fake\u202e")'


class Code:
    """Runs a program when it is loaded."""

    def __init__(self, program: str) -> None:
        self.program = program

    def __reduce__(self) -> Any:
        return exec, (self.program, {})


@pytest.fixture(params=["bubblewrap", "without"])
def isolated(request: pytest.FixtureRequest) -> bool:
    if request.param == "bubblewrap":
        try:
            debian.install({"bwrap": "bubblewrap"})
        except debian.NotInstallable as error:
            pytest.skip(str(error))
    return bool(request.param == "bubblewrap")


def test_code_of_a_model_gets_nothing_and_harms_no_neighbour(tmp_path: Path, isolated: bool) -> None:
    bucket, state, home = (tmp_path / name for name in ("bucket", "state", "home"))
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text(SECRET)
    put(bucket, "neighbour", model("one"))
    arguments = ("--runtime", "local", "--store", f"folder:{bucket}", "--state-dir", str(state))
    arguments += ("--model-memory", "4Gi", "--cage", "required" if isolated else "off")
    secrets = {"AWS_SECRET_ACCESS_KEY": SECRET, "KUBESERVE_WEBHOOK_TOKEN": SECRET, "GITHUB_TOKEN": SECRET}
    with Watcher(tmp_path / "log", *arguments, HOME=str(home), **secrets) as watcher:
        eventually(lambda: watcher.state("neighbour") == "Ready", LONG)
        with answering(watcher.model("neighbour")["url"]) as failures:
            port = int(watcher.model("neighbour")["url"].rpartition(":")[2])
            known = {"secret": SECRET, "home": home, "state": state, "bucket": bucket, "port": port}
            programs = {"forks": FORKS, "memory": MEMORY, "file": FILE, "daemon": LEAVES_DAEMON, "lies": LIES}
            programs["probe"] = PROBE.format(**known, watcher=watcher.pid)
            for name, program in programs.items():
                put(bucket, name, pickle.dumps(Code(program)))
                eventually(lambda name=name: watcher.state(name) == "Failed", LONG)
            reasons = {name: watcher.model(name)["reason"] for name in programs}
            assert reasons["forks"] == "the model started more than 256 processes"
            assert "MemoryError" in reasons["memory"]
            assert "File too large" in reasons["file"] or "No space left" in reasons["file"]
            assert "left a daemon" in reasons["daemon"]
            eventually(lambda: not daemons(), LONG)
            assert "team neighbour v1 Ready fake" in reasons["lies"]
            assert reasons["lies"].isprintable()
            found = reasons["probe"].partition("found: ")[2].split(", ")
            assert "own environment" not in found
            seen = {"files of other models", "the bucket", "its own file", "the network", "keys in the home"}
            assert (found == [""]) if isolated else seen <= set(found)
        assert failures == []
    log = (tmp_path / "log").read_text()
    assert SECRET not in log
    assert ("models run as you" in log) is not isolated


def put(bucket: Path, name: str, data: bytes) -> None:
    (bucket / "team" / name / "v1").mkdir(parents=True)
    (bucket / "team" / name / "v1" / "model.joblib").write_bytes(data)


@contextmanager
def answering(url: str) -> Iterator[list[str]]:
    """Ask the model for predictions meanwhile, and yield what went wrong."""
    failures, over = list[str](), threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            try:
                answer = urllib3.request("POST", f"{url}/predict", json={"data": [[1.0]]}, timeout=60, retries=False)
            except urllib3.exceptions.HTTPError as error:
                failures.append(str(error))
            else:
                if answer.status != 200:
                    failures.append(f"{answer.status}")

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    yield failures
    over.set()
    thread.join(60)


def daemons() -> list[Path]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if DAEMON.encode() in path.read_bytes().split(b"\0"):
                found.append(path)
        except OSError:
            continue
    return found
