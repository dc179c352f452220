"""Models of other libraries, rebuilt from their state in an environment of their own: every bit is the library's."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from dev import venvs
from tests.integration.test_other_libraries import LIBRARIES, SERVER

BOOSTERS = [each for each in LIBRARIES if each.startswith(("lightgbm", "xgboost"))]

SCRIPT = Path(__file__).parent / "models" / "compare_families.py"


def test_part_of_each_model_gives_the_answers_of_its_library(tmp_path: Path) -> None:
    try:
        python = venvs.venv("library-families", *BOOSTERS, *SERVER, "pytest")
    except venvs.ToolUnavailable as error:
        pytest.fail(str(error), pytrace=False)
    done = subprocess.run(
        [str(python), str(SCRIPT)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) >= 33, found
    assert set(found.values()) == {"equal"}, found
