"""The second look at a model, read again from its file or taken as it was loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from server.model import study
from server.model.load_policy import LoadPolicy
from server.model.loader import load
from server.model.study import Study, study_model
from tests.unit.server import example_models

X = np.array([[0.0, 10.0], [1.0, 20.0], [2.0, 30.0], [5.0, 60.0]])
Y = ["no", "no", "yes", "yes"]
SCALED = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)


def studied(model: Any, folder: Path, policy: LoadPolicy = LoadPolicy.AUTO) -> Study:
    path = folder / "model.joblib"
    joblib.dump(model, path)
    return study_model(load(path, policy=policy), path)


@pytest.mark.parametrize("policy", [LoadPolicy.DATA, LoadPolicy.CODE])
def test_study_is_the_same_whichever_way_the_model_was_loaded(policy: LoadPolicy, tmp_path: Path) -> None:
    found = studied(SCALED, tmp_path, policy)
    assert (found.row, found.unexplained) == ((2.0, 30.0), "")
    assert found.explainer is not None
    assert found.columns[1].usual == 30.0


def test_study_of_a_live_table_that_is_evaluated_as_a_part_reads_the_file_again(tmp_path: Path) -> None:
    found = studied(example_models.people, tmp_path, LoadPolicy.CODE)
    assert (found.row, found.unexplained) == (("Oslo", 35.0), "")
    assert found.columns[0].choices == ("Oslo", "Rome")


def test_study_of_a_model_that_knows_no_values_has_a_row_of_ones(tmp_path: Path) -> None:
    assert studied(LogisticRegression().fit(X, Y), tmp_path).row == (1.0, 1.0)


def test_study_keeps_the_owners_example(tmp_path: Path) -> None:
    (tmp_path / "input-example.json").write_text("[[7, 8]]")
    assert studied(SCALED, tmp_path).row == (7, 8)


def test_study_keeps_integers_of_an_encoder(tmp_path: Path) -> None:
    ids = np.array([[2**53 + 1], [2**53 + 2]] * 2)
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(ids, Y)
    assert studied(model, tmp_path).row == (2**53 + 1,)


def test_study_of_texts_and_dicts_has_words_and_keys_that_the_model_knows(tmp_path: Path) -> None:
    assert studied(example_models.texts, tmp_path).row == ("bad day good",)


def test_study_of_a_model_that_is_no_sum_says_why(tmp_path: Path) -> None:
    found = studied(SVC().fit(X, Y), tmp_path)
    assert found.explainer is None
    assert found.unexplained.endswith("(SVC); linear models and trees are")
    assert found.columns[0].low == 0.0


def test_study_of_a_large_file_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "MAX_FILE", 10)
    found = studied(RandomForestClassifier(3).fit(X, Y), tmp_path)
    assert found.row == (0.0, 0.0)
    assert "too large to be read a second time" in found.unexplained


@pytest.mark.parametrize("change", ["other bytes", "gone"])
def test_study_of_a_file_that_has_changed_is_not_made(change: str, tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(SCALED, path)
    model = load(path)
    path.write_bytes(b"other") if change == "other bytes" else path.unlink()
    found = study_model(model, path)
    assert (found.explainer, found.columns, found.row) == (None, (), (0.0, 0.0))
    assert found.unexplained
