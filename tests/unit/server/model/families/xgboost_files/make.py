"""Write small models of an older XGBoost and its answers, in an environment that has it: `python make.py FOLDER`.

    uv run --no-project --with xgboost==1.7.6 --with scikit-learn==1.5.2 --with numpy==1.26.4 make.py 1.7.6

The wheels of these versions have 200 MB and more, so their files are kept, and not made in each test run.

FOLDER/NAME.joblib   a model, compressed
FOLDER/answers.npz   "X", and NAME.METHOD → the answer to it
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from xgboost import XGBClassifier, XGBRegressor

SMALL = {"n_estimators": 6, "max_depth": 3}
MODELS: dict[str, tuple[Any, str]] = {
    "two": (XGBClassifier(**SMALL, base_score=0.3), "two"),
    "three": (XGBClassifier(**SMALL), "three"),
    "number": (XGBRegressor(**SMALL), "number"),
    "counts": (XGBRegressor(**SMALL, objective="count:poisson"), "positive"),
    "forests": (
        XGBRegressor(**SMALL, num_parallel_tree=3, subsample=0.5, early_stopping_rounds=1, learning_rate=1.5),
        "number",
    ),
}


def rows() -> Any:
    """Return rows with missing, whole, huge and tiny numbers."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(120, 4)) * [1, 10, 0.01, 1000]
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:40] = np.round(X[:40])
    for row, value in enumerate((0.0, -0.0, 5e-324, -1e-310, 3e38, -3e38)):
        X[row, rng.integers(0, 4)] = value
    return X


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    X = rows()
    score = np.nansum(X / [1, 10, 0.01, 1000], axis=1)
    score = np.where(np.abs(score) > 9, 0.0, score)  # but the huge ones
    y = {"number": score, "two": score > 0, "three": np.digitize(score, [-1, 1]), "positive": np.exp(score / 4)}
    found = {"X": X}
    for name, (model, target) in MODELS.items():
        labels = y[target].astype(int) if target == "two" else y[target]
        more = {"eval_set": [(X[60:], labels[60:])], "verbose": False} if name == "forests" else {}
        model.fit(X[:60], labels[:60], **more)
        joblib.dump(model, folder / f"{name}.joblib", compress=("xz", 6))
        loaded = joblib.load(folder / f"{name}.joblib")
        for method in ("predict", "predict_proba"):
            if hasattr(loaded, method):
                found[f"{name}.{method}"] = getattr(loaded, method)(X)
    np.savez_compressed(folder / "answers.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
