"""The version is read off files of every form that joblib and pickle write, without running them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
import sklearn.base
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from server.model import saved_version as module
from server.model.saved_version import saved_version

X = np.random.default_rng(0).normal(size=(50, 400))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sklearn.base, "__version__", "1.2.2")
    return LinearRegression().fit(X, X[:, 0])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)])
def test_saved_version_of_a_file_of_joblib_is_found(tmp_path: Path, model: Any, compress: Any, protocol: int) -> None:
    joblib.dump(model, tmp_path / "model", compress=compress, protocol=protocol)
    assert saved_version(tmp_path / "model") == "1.2.2"


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_saved_version_of_a_plain_pickle_is_found(tmp_path: Path, model: Any, dumps: Any) -> None:
    (tmp_path / "model").write_bytes(dumps(model))
    assert saved_version(tmp_path / "model") == "1.2.2"


@pytest.mark.parametrize("piece", range(20, 60))
def test_saved_version_that_two_pieces_of_the_file_share_is_found(
    tmp_path: Path, model: Any, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", piece)
    joblib.dump(model, tmp_path / "model")
    assert saved_version(tmp_path / "model") == "1.2.2"


@pytest.mark.parametrize("content", [b"", b"\x78", b"\x1f\x8bno gzip", b"BZno bzip", b"_sklearn_version", b"x" * 9000])
def test_saved_version_of_anything_else_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model").write_bytes(content)
    assert saved_version(tmp_path / "model") == ""
    assert saved_version(tmp_path / "absent") == ""


def test_saved_version_of_a_real_forest_is_that_of_this_process(tmp_path: Path) -> None:
    joblib.dump(RandomForestClassifier(3).fit(X, X[:, 0] > 0), tmp_path / "model")
    assert saved_version(tmp_path / "model") == sklearn.__version__
