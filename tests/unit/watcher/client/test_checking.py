from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from watcher.client.bundle import Bundle
from watcher.client.checking import Check, Outcome, as_in_pod, outcome_of

SKLEARN = {"servable": True, "families": ["Pipeline", "Ridge"], "library": "sklearn 1.9", "saved_by": "sklearn 1.9"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (SKLEARN, Check(Outcome.DATA, "Pipeline, Ridge (sklearn 1.9)")),
        (
            {**SKLEARN, "saved_by": "sklearn 1.2", "notes": ["answers may differ"]},
            Check(Outcome.DATA, "Pipeline, Ridge (sklearn 1.9, saved by sklearn 1.2)", ("answers may differ",)),
        ),
        (
            {"servable": False, "cause": "needs_code", "reason": "this model needs code: X is not known as data"},
            Check(Outcome.CODE, "X is not known as data"),
        ),
        ({"servable": False, "cause": "no_packages", "reason": "pip"}, Check(Outcome.UNKNOWN, "pip")),
        ({"servable": False, "cause": "model", "reason": "damaged\n"}, Check(Outcome.BROKEN, "damaged")),
    ],
)
def test_outcome_of_the_servers_answer(found: dict[str, Any], expected: Check) -> None:
    assert outcome_of(found) == expected


def test_as_in_pod_has_the_files_of_the_push_and_no_neighbours(tmp_path: Path) -> None:
    (tmp_path / "iris.joblib").write_bytes(b"m")
    (tmp_path / "requirements.txt").write_text("of the project")
    folder = tmp_path / "pod"
    folder.mkdir()
    model = as_in_pod(Bundle(tmp_path / "iris.joblib", {"input-example.json": b"[[1]]"}), folder)
    assert model.read_bytes() == b"m"
    assert {path.name for path in folder.iterdir()} == {"model.joblib", "input-example.json"}
