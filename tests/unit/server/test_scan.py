"""What `kubeserve scan` lists, and its exit codes."""

from __future__ import annotations

import bz2
import json
import pickle
import random
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from server import scan
from server.scan import DANGEROUS, NOT_KNOWN, UNREADABLE, Kind
from tests.unit.server.model.test_tripwire import OWN, Own, Runs

MODEL = make_pipeline(StandardScaler(), LogisticRegression()).fit([[0.0], [1.0]], [0, 1])


def found(path: Path, content: Any, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        joblib.dump(content, path)
    code = scan.main([str(path), "--output", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_scan_of_a_known_model_names_its_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, body = found(tmp_path / "m", MODEL, capsys)
    assert (code, body["read_to_end"], body["stopped"]) == (0, True, "")
    assert {item["kind"] for item in body["names"]} == {"known"}
    names = {item["name"] for item in body["names"]}
    assert {"sklearn.pipeline.Pipeline", "sklearn.linear_model._logistic.LogisticRegression"} <= names


@pytest.mark.parametrize(
    ("content", "code", "name", "kind"),
    [
        (Own(), NOT_KNOWN, OWN, Kind.OWN),
        (Runs(np.load, "x"), NOT_KNOWN, "numpy.load", Kind.LIBRARY),
        (Runs(joblib.load, "x"), NOT_KNOWN, "joblib.numpy_pickle.load", Kind.LIBRARY),
        (Runs(eval, "1"), DANGEROUS, "builtins.eval", Kind.DANGEROUS),
        (Runs(pickle.loads, b"N."), DANGEROUS, "_pickle.loads", Kind.DANGEROUS),
        (np.array([Runs(exec, "")], dtype=object), DANGEROUS, "builtins.exec", Kind.DANGEROUS),
        ([MODEL, Runs(subprocess.run, "x")], DANGEROUS, "subprocess.run", Kind.DANGEROUS),
        (b"cos\nsystem\n(S'x'\ntR.", DANGEROUS, "os.system", Kind.DANGEROUS),
        (b"\x80\x02ccPickle\nloads\n.", DANGEROUS, "cPickle.loads", Kind.DANGEROUS),
        (cloudpickle.dumps(lambda rows: rows), NOT_KNOWN, "cloudpickle.cloudpickle._make_function", Kind.OWN),
    ],
)
def test_scan_names_the_worst_first(
    tmp_path: Path, content: Any, code: int, name: str, kind: Kind, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, body = found(tmp_path / "m", content, capsys)
    assert (ended, {"name": name, "kind": kind} in body["names"]) == (code, True), body
    order = [list(Kind).index(Kind(item["kind"])) for item in body["names"]]
    assert order == sorted(order)


def test_scan_says_that_a_file_was_not_read_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = b"\x80\x04csklearn.pipeline\nPipeline\n0cos\nsystem\n."  # POP is no opcode of the closed set
    code, body = found(tmp_path / "m", content, capsys)
    assert (code, body["read_to_end"]) == (NOT_KNOWN, False)
    assert "the opcode POP" in body["stopped"]
    assert scan.main([str(tmp_path / "m")]) == NOT_KNOWN
    assert "it was not read to its end, and may name more" in capsys.readouterr().out


NAMED = b"\x80\x04cposix\nsystem\nX\x02\0\0\0id\x85R"
"""pickle runs the call before it reads on."""


@pytest.mark.parametrize(
    ("content", "stopped"),
    [
        (NAMED + b"\xff.", "damaged"),
        (NAMED, "ends too early"),
        (zlib.compress(NAMED)[:-1], "ends too early"),
        (zlib.compress(NAMED + random.Random(0).randbytes(1 << 20))[: 1 << 18], "ends too early"),
        (bz2.compress(NAMED + b".") + b"BZh9?", "damaged"),
    ],
)
def test_scan_names_what_comes_before_the_place_where_a_file_breaks(
    tmp_path: Path, content: bytes, stopped: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, body = found(tmp_path / "m", content, capsys)
    assert (code, body["names"]) == (DANGEROUS, [{"name": "posix.system", "kind": "dangerous"}]), body
    assert not body["read_to_end"]
    assert stopped in body["stopped"]


def test_scan_of_a_file_that_was_not_read_to_its_end_never_says_that_it_names_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for content, code, says_nothing in ((b"N0.", NOT_KNOWN, False), (b"N.", 0, True)):
        (tmp_path / "m").write_bytes(content)
        assert scan.main([str(tmp_path / "m")]) == code
        assert ("it names no class and no function" in capsys.readouterr().out) == says_nothing


def test_scan_says_that_a_file_of_skops_has_names_that_it_does_not_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.skops"
    with ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "{}")
    written = path.read_bytes()
    code, body = found(path, written, capsys)
    assert (code, body) == (NOT_KNOWN, {"names": [], "read_to_end": False, "stopped": scan.SKOPS})
    code, body = found(path, NAMED + b"." + written, capsys)  # pickle would read its beginning
    assert (code, body["stopped"]) == (DANGEROUS, scan.SKOPS)
    code, body = found(path, written.replace(b"PK\x01\x02", b"PK??"), capsys)
    assert (code, "model file" in body["error"]) == (UNREADABLE, True)


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04", b"\x80\x04\x8c"])
def test_scan_of_what_is_no_model_file_fails(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    code, body = found(tmp_path / "m", content, capsys)
    assert code == UNREADABLE
    assert "model file" in body["error"]


def test_scan_shows_hostile_names_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = b"a\x1b[2J\nknown      sklearn"
    (tmp_path / "m").write_bytes(b"\x80\x04\x8c\x01m\x8c%c%s\x93." % (len(name), name))
    assert scan.main([str(tmp_path / "m")]) == NOT_KNOWN
    assert capsys.readouterr().out == "own        m.a [2J known sklearn\n"


def test_scan_imports_and_runs_nothing_of_the_file(tmp_path: Path) -> None:
    """In a process of its own, as people start it: the folder of the file has modules of the names in the file."""
    for module in ("uploaded", "xgboost"):
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')")
    (tmp_path / "m").write_bytes(b"\x80\x04(cuploaded\nThing\ncxgboost\nXGBClassifier\ncos\nsystem\n\x8c\x01x\x85Rl.")
    command = [sys.executable, "-m", "watcher", "scan", str(tmp_path / "m")]
    path = {"PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, env=path, capture_output=True, text=True, check=False, timeout=300)
    assert (ended.returncode, ended.stderr) == (DANGEROUS, "")
    assert [line.split() for line in ended.stdout.splitlines()] == [
        ["dangerous", "os.system"],
        ["own", "uploaded.Thing"],
        ["library", "xgboost.XGBClassifier"],
    ]
    assert not (tmp_path / "imported").exists()
