"""Models of other libraries, rebuilt from their state in an environment of their own: every bit is the library's."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from dev import venvs
from tests.integration.test_other_libraries import LIBRARIES, SERVER

SCRIPT = Path(__file__).parent / "models" / "compare_families.py"

VERSIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...], int]] = {
    "newest": (tuple(each for each in LIBRARIES if each.startswith(("lightgbm", "xgboost"))), ("holes", "whole"), 49),
    "older": (("xgboost-cpu==2.1.4", "lightgbm==4.6.0"), ("full",), 31),
}
"""The libraries, the kinds of rows that they are trained on, and how many models are compared."""


@pytest.mark.parametrize("version", VERSIONS)
def test_part_of_each_model_gives_the_answers_of_its_library(version: str, tmp_path: Path) -> None:
    libraries, kinds, count = VERSIONS[version]
    try:
        python = venvs.venv("library-families", *libraries, *SERVER, "pytest")
    except venvs.ToolUnavailable as error:
        pytest.fail(str(error), pytrace=False)
    done = subprocess.run(
        [str(python), str(SCRIPT), *kinds],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == count, found
    assert set(found.values()) == {"equal"}, found
