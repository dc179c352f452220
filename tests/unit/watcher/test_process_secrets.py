"""Secrets are read and then gone: from the environment, from its children, and from what other processes can read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from watcher import process_secrets
from watcher.process_secrets import OWN, STORE_KEYS

ROOT = Path(__file__).parents[3]
SECRET = "planted-secret"
NOBODY = 65534

TAKES = """
import os, subprocess
from watcher import compose, process_secrets
from watcher.settings import Settings

def instead(*_):
    print(sorted(os.environ), sorted(process_secrets.store_keys()), flush=True)
    subprocess.run(["env"])

compose._run = instead
compose.run(Settings(runtime="local", store="folder:.", listen="127.0.0.1:0"))
"""

READS = f"""
import ctypes, os, sys
from watcher.process_secrets import PR_SET_DUMPABLE, hide_memory
if os.geteuid() == 0:  # who may read everything
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # as before the change of the user
if sys.argv[1] == "hidden":
    hide_memory()
if os.fork() == 0:
    for name in ("environ", "maps"):
        try:
            with open(f"/proc/{{os.getppid()}}/{{name}}", "rb") as file:
                print(name, "{SECRET}" in str(file.read()) or name == "maps")
        except OSError as error:
            print(name, type(error).__name__)
    sys.stdout.flush()
    os._exit(0)
os.wait()
"""


def run(program: str, *arguments: str, **env: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(command, env=plain, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout


def test_watcher_drops_the_secrets_from_its_environment_and_keeps_the_keys() -> None:
    printed = run(TAKES, **dict.fromkeys((*STORE_KEYS, *OWN), SECRET))
    environment, kept = printed.splitlines()[0].split("] [")
    assert "PATH" in environment
    assert not [name for name in (*STORE_KEYS, *OWN) if f"'{name}'" in environment]
    assert kept.count("'AWS_") == len(STORE_KEYS)
    assert SECRET not in printed  # of the program that it started


def test_store_keys_are_those_of_the_environment_until_they_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_secrets, "_taken", {})
    environ = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "", "KUBESERVE_WEBHOOK_TOKEN": SECRET, "A": "1"}
    process_secrets.take(environ)
    assert (environ, process_secrets.store_keys()) == ({"A": "1"}, {"AWS_ACCESS_KEY_ID": "key"})


@pytest.mark.skipif(sys.platform != "linux", reason="a call of Linux")
@pytest.mark.parametrize(("how", "seen"), [("open", "True"), ("hidden", "PermissionError")])
def test_another_process_of_the_same_user_reads_nothing_of_a_hidden_one(how: str, seen: str) -> None:
    printed = run(READS, how, KUBESERVE_WEBHOOK_TOKEN=SECRET)
    assert printed.split() == ["environ", seen, "maps", seen]
