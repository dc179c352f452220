"""Hostile files, in a process of their own: nothing runs, crashes or hangs, and the memory stays bounded."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import pytest

from server.model.families.registry import KNOWN, part_of
from server.model.pickledata.opcodes import read_pickle
from server.model.pickledata.records import name_of
from tests.unit.server.model.pickledata.hostile_models import HONEST, spoiled_models
from tests.unit.server.model.pickledata.hostile_pickles import (
    CALLS,
    HOSTILE,
    TRACE,
    nested_pipelines,
    shared_pipelines,
)

ROOT = Path(__file__).parents[5]
PEAK = 300 << 20
"""Bytes beside Python and NumPy: "20 MB of None" has a stack of a million values and a map of 20 MB."""
SECONDS = 20
"""Seconds of CPU for one file, on a busy machine. Usual are milliseconds, and two for the largest."""


def audited(folder: Path, files: dict[str, bytes]) -> dict[str, Any]:
    """Return the report of `audited.py` on these files. The process must survive them."""
    paths = []
    for number, data in enumerate(files.values()):
        paths.append(folder / f"{number}.joblib")
        paths[-1].write_bytes(data)
    command = [sys.executable, "-m", "tests.unit.server.model.pickledata.audited", *map(str, paths)]
    environment = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    report["files"] = {name: report["files"][path.name] for name, path in zip(files, paths, strict=True)}
    return report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return audited(tmp_path_factory.mktemp("hostile"), HOSTILE)


def test_no_hostile_file_runs_anything(report: dict[str, Any]) -> None:
    assert not {name: found["events"] for name, found in report["files"].items() if found["events"]}
    assert TRACE not in report["trace"]


def test_no_hostile_file_becomes_a_model(report: dict[str, Any]) -> None:
    assert not [name for name, found in report["files"].items() if found["outcome"] == "built"]
    for name, found in report["files"].items():
        print(f"{name}: {found['outcome']} ({found['seconds']:.2f} s)")


def test_no_hostile_file_takes_long(report: dict[str, Any]) -> None:
    slow = {name: found["seconds"] for name, found in report["files"].items() if found["seconds"] > SECONDS}
    assert not slow


def test_peak_of_memory_of_all_hostile_files_is_bounded(report: dict[str, Any]) -> None:
    print(f"{report['peak'] >> 20} MiB")
    assert report["peak"] < PEAK


def test_corpus_is_as_large_as_that_of_the_prototype() -> None:
    assert len(HOSTILE) >= 86


def test_audit_hook_sees_what_a_pickle_runs(tmp_path: Path) -> None:
    code = f"""
import pickle, sys
events = []
sys.addaudithook(lambda event, args: events.append(event))
pickle.loads({CALLS["os.system"]!r})
assert "os.system" in events
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert (tmp_path / TRACE).exists()


def test_models_of_too_many_parts_are_unknown_for_that_reason(report: dict[str, Any]) -> None:
    for data in (shared_pipelines(10), nested_pipelines(19)):
        assert part_of(read_pickle(data)).methods
    for name in ("pipelines that share 2⁴⁰ parts", "pipelines that share 2¹⁸ parts", "25 nested pipelines"):
        assert "more than 10,000 parts" in report["files"][name]["outcome"]
    assert "more than 10,000 parts" in report["files"]["pipeline that contains itself"]["outcome"]


def test_models_with_hostile_numbers_are_unknown(tmp_path: Path) -> None:
    honest = {name: make() for name, make in HONEST.items()}
    files = {name: dumped(model) for name, model in honest.items()}
    spoiled = {f"{name}, {change.strip('_')}": dumped(model) for name, change, model in spoiled_models()}
    assert len(spoiled) >= 70
    report = audited(tmp_path, {**files, **spoiled})
    assert not [name for name in spoiled if report["files"][name]["outcome"] == "built"]
    for name, model in honest.items():
        # A family that is not known refuses its models, whatever their numbers are.
        assert (report["files"][name]["outcome"] == "built") == (name_of(model) in KNOWN), report["files"][name]


def dumped(model: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(model, file)
    return file.getvalue()
