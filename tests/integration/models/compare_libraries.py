"""Fit models of other libraries, load each as the server does, and compare its answers to a request with the library's.

It runs in an environment that has these libraries. It prints one JSON object: for each model what the server found, and
both answers.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import category_encoders as ce
import joblib
import lightgbm
import mlflow.sklearn
import numpy as np
import pandas as pd
import xgboost
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from server.inference.model_call import call_one, is_refusal
from server.inputs.json_rows import rows_to_input
from server.model.loader import load

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
ROWS = 200
FRAME = pd.DataFrame(
    {
        "fare": rng.normal(size=ROWS),
        "city": rng.choice(["Oslo", "Rome", "Zürich"], ROWS),
        "stars": rng.choice([5, 7], ROWS),
        "rooms": rng.integers(0, 5, ROWS),
    }
)
TARGET = (FRAME.city == "Rome").astype(int) ^ (FRAME.fare > 0)
CATEGORIES = FRAME.astype({"city": "category", "stars": "category"})
PLAIN = CATEGORIES.assign(city=CATEGORIES.city.cat.rename_categories({"Zürich": "Zurich"}))
ORDERED = PLAIN.assign(stars=PLAIN.stars.cat.as_ordered())
NUMBERS = FRAME[["fare", "rooms"]]
ENCODED = FRAME[["city", "fare"]]
ENCODERS = {
    name: getattr(ce, name)
    for name in ("TargetEncoder", "OrdinalEncoder", "OneHotEncoder", "BinaryEncoder", "CountEncoder", "CatBoostEncoder")
}
BOOSTERS = {
    "histogram": HistGradientBoostingClassifier(max_iter=10),
    "lightgbm": lightgbm.LGBMClassifier(n_estimators=10, verbose=-1),
    "xgboost": xgboost.XGBClassifier(n_estimators=10, enable_categorical=True),
}
MODELS: dict[str, tuple[Any, pd.DataFrame]] = {
    **{f"{name} of categories": (model, PLAIN) for name, model in BOOSTERS.items()},
    **{f"{name} of other letters": (clone(model), CATEGORIES) for name, model in BOOSTERS.items()},
    "lightgbm of ordered categories": (clone(BOOSTERS["lightgbm"]), ORDERED),
    "lightgbm of numbers": (lightgbm.LGBMRegressor(n_estimators=5, verbose=-1), NUMBERS),
    "xgboost of numbers": (xgboost.XGBRegressor(n_estimators=5), NUMBERS),
    **{
        name: (make_pipeline(encoder(cols=["city"]), LogisticRegression()), ENCODED)
        for name, encoder in ENCODERS.items()
    },
    "HashingEncoder": (make_pipeline(ce.HashingEncoder(cols=["city"], max_process=1), LogisticRegression()), ENCODED),
}


def rows_of(frame: pd.DataFrame) -> list[Any]:
    """Return the frame as a client writes it into JSON."""
    return json.loads(frame.to_json(orient="records", date_format="iso"))  # type: ignore[no-any-return]


def compared(path: Path, model: Any, frame: pd.DataFrame) -> dict[str, Any]:
    loaded = load(path)
    schema = loaded.schema
    found = loaded.methods["predict"].call(rows_to_input(rows_of(frame), schema, "data", no_strings=False))
    return {
        "loaded": loaded.loaded,
        "form": schema.form,
        "evidence": schema.evidence,
        "missing": schema.allows_missing,
        "answered": sorted(schema.example_answers),
        "names": schema.names,
        "kinds": schema.kinds,
        "categories": schema.categories,
        "served": np.asarray(found).tolist(),
        "library": np.asarray(model.predict(frame)).tolist(),
    }


def of_mlflow(folder: Path) -> dict[str, Any]:
    """Return the comparison for a model that MLflow saved; its model.joblib is the one that its owner uploads."""
    frame = FRAME.assign(when=pd.date_range("2026-01-01", periods=ROWS), fare=FRAME.fare.astype("float32"))
    frame["city of the owner's customers, which has a name that is long enough to be folded"] = FRAME.city
    frame = frame.drop(columns="city")
    model = ByMonth().fit(frame, TARGET)
    mlflow.sklearn.save_model(
        model,
        folder,
        serialization_format="cloudpickle",
        input_example=frame.head(2),
        signature=mlflow.models.infer_signature(frame, TARGET),
    )
    joblib.dump(model, folder / "model.joblib")
    with_example = compared(folder / "model.joblib", model, frame.head(5))
    (folder / "input_example.json").unlink()
    return {
        "mlflow's example": with_example,
        "mlflow's signature": compared(folder / "model.joblib", model, frame.head(5)),
    }


class ByMonth:
    """Takes a DataFrame with dates, and says nothing of it."""

    def fit(self, frame: pd.DataFrame, target: Any) -> ByMonth:
        self._model = LogisticRegression().fit(self._table(frame), target)
        return self

    def predict(self, frame: pd.DataFrame) -> Any:
        return self._model.predict(self._table(frame))

    def _table(self, frame: pd.DataFrame) -> Any:
        dates = frame["when"].dt  # a string has none
        return np.column_stack([frame["fare"], frame["rooms"], dates.month, dates.dayofweek])


def refusals() -> dict[str, Any]:
    """Return what each library raises for input that it does not take, and whether the server calls it a refusal."""
    columns = ["city", "rooms"]
    cat = catboost.CatBoostClassifier(iterations=2, verbose=0, cat_features=["city"], allow_writing_files=False).fit(
        FRAME[columns], TARGET
    )
    light = clone(BOOSTERS["lightgbm"]).fit(NUMBERS, TARGET).booster_
    calls: dict[str, Callable[[], Any]] = {
        "catboost: a fraction as a category": lambda: cat.predict(pd.DataFrame([[1.5, 1]], columns=columns)),
        "catboost: a word as a number": lambda: cat.predict(pd.DataFrame([["Rome", "x"]], columns=columns)),
        "lightgbm: too many columns": lambda: light.predict(np.ones((1, 9))),
        "xgboost: its own kind of error": lambda: xgboost.Booster(model_file="missing.json"),
        "a fault of the model": lambda: 1 // 0,
    }
    outcomes = {name: call_one(lambda _, call=call: call(), None) for name, call in calls.items()}
    return {name: (type(error).__name__, is_refusal(error)) for name, error in outcomes.items()}


def main(folder: Path) -> None:
    found = {}
    for name, (model, frame) in MODELS.items():
        path = folder / name / "model.joblib"
        path.parent.mkdir()
        joblib.dump(model.fit(frame, TARGET), path)
        sent = frame.head(20).copy()
        if model_takes_missing := name.split(" ")[0] in BOOSTERS:
            sent.loc[0, "fare"] = np.nan
        found[name] = compared(path, model, sent) | {"sent with missing": model_takes_missing}
    found |= of_mlflow(folder / "mlflow")
    print(json.dumps({"models": found, "refusals": refusals()}, default=str))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
