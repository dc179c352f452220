"""`kubeserve check` as people start it: the watcher's command runs the server's module in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.linear_model import LinearRegression

MODEL = LinearRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0])


class Ends:
    """Ends the process that loads it, as a broken native library does."""

    def __reduce__(self) -> Any:
        return os.abort, ()


def kubeserve(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "watcher", "check", *arguments], capture_output=True, text=True, check=False, timeout=300
    )


def test_check_command_of_a_good_model_succeeds(tmp_path: Path) -> None:
    joblib.dump(MODEL, tmp_path / "model.joblib")
    (tmp_path / "rows.json").write_text("[[1.5, 2]]")
    found = kubeserve(str(tmp_path / "model.joblib"), "--example", str(tmp_path / "rows.json"))
    assert (found.returncode, found.stderr) == (0, "")
    assert "evidence   input-example.json" in found.stdout
    assert '{"data":[[1.5,2]]}' in found.stdout


@pytest.mark.parametrize(
    ("content", "reason"), [(b"garbage", "cannot be served: model.joblib is"), (None, "there is no")]
)
def test_check_command_of_a_bad_file_fails_in_one_line(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "model.joblib"
    if content:
        path.write_bytes(content)
    found = kubeserve(str(path))
    assert (found.returncode, found.stdout) == (1, "")
    assert reason in found.stderr
    assert found.stderr.count("\n") == 1


def test_check_command_of_a_model_that_ends_its_process_says_so(tmp_path: Path) -> None:
    joblib.dump(Ends(), tmp_path / "model.joblib")
    found = kubeserve(str(tmp_path / "model.joblib"))
    assert found.returncode == 1
    assert "the model ended the process that loaded it, by signal 6" in found.stderr
