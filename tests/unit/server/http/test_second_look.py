"""The second look is made once, when somebody asks, and the explanations that wait are bounded."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from server.errors import Overloaded
from server.http.second_look import MAX_WAITING, SecondLook
from server.inference.predictor import Predictor
from server.model import study
from server.model.study import Study

SCALED = make_pipeline(StandardScaler(), LogisticRegression()).fit([[1.0], [3.0]], ["no", "yes"])


async def looked(folder: Path, model: Any, times: int = 1) -> list[Any]:
    path = folder / "model.joblib"
    joblib.dump(model, path)
    predictor = Predictor(path)
    try:
        found = await predictor.load()
        second = SecondLook(predictor)
        return list(await asyncio.gather(*(second.look(found) for _ in range(times))))
    finally:
        predictor.close()


def test_look_is_made_once_for_all_who_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    own = study.study_model

    def counted(*arguments: Any) -> Study:
        made.append(arguments)
        return own(*arguments)

    monkeypatch.setattr(study, "study_model", counted)
    first, second = asyncio.run(looked(tmp_path, SCALED, times=2))
    assert first is second
    assert len(made) == 1


def test_look_that_failed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, failures = study.study_model, [MemoryError()]

    def failing_once(*arguments: Any) -> Study:
        if failures:
            raise failures.pop()
        return own(*arguments)

    async def twice() -> Any:
        path = tmp_path / "model.joblib"
        joblib.dump(SCALED, path)
        predictor = Predictor(path)
        found = await predictor.load()
        second = SecondLook(predictor)
        with pytest.raises(MemoryError):
            await second.look(found)
        study_made, _ = await second.look(found)
        predictor.close()
        return study_made

    monkeypatch.setattr(study, "study_model", failing_once)
    assert asyncio.run(twice()).row == (2.0,)


def test_start_imports_nothing_of_the_second_look() -> None:
    script = (
        "import sys, server.app, server.http.connection; print(*(name for name in sys.modules if 'server.' in name))"
    )
    loaded = set(subprocess.check_output([sys.executable, "-c", script], text=True).split())
    lazy = {
        "server.model.study",
        "server.model.column_values",
        "server.protocols.form",
        "server.protocols.explanations",
    }
    assert "server.http.second_look" in loaded
    assert not lazy & loaded
    assert not [name for name in loaded if name.startswith("server.model.explanation")]


def test_look_has_a_usual_example_with_the_models_answers(tmp_path: Path) -> None:
    ((_, schema),) = asyncio.run(looked(tmp_path, SCALED))
    assert schema.example_row == (2.0,)
    assert schema.example_answers["predict_proba"][0].tolist() == pytest.approx([0.5, 0.5])


def test_look_keeps_the_example_where_the_model_refuses_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "study_model", lambda *_: Study(("Paris",)))
    encoded = make_pipeline(OneHotEncoder(), LogisticRegression()).fit([["Oslo"], ["Rome"]], [0, 1])
    ((_, schema),) = asyncio.run(looked(tmp_path, encoded))
    assert schema.example_row == ("Oslo",)


def test_explanations_beyond_the_limit_are_refused_until_one_is_done() -> None:
    async def many() -> None:
        second = SecondLook(Predictor(Path("unused")))
        for _ in range(MAX_WAITING):
            await second.__aenter__()
        with pytest.raises(Overloaded, match="explanations are being computed"):
            async with second:
                pass
        await second.__aexit__()
        async with second:
            pass

    asyncio.run(many())
