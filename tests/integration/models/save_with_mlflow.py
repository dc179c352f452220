"""Save models as MLflow's directories: `save_with_mlflow.py FOLDER` prints each model's own answers as JSON.

The one that skops saved is loaded here too, as a server does: skops and what it needs are too much for a test's pod.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import mlflow.sklearn
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from server.inputs.json_rows import rows_to_input
from server.model.loader import load

FRAME = pd.DataFrame({"age": [31, 64, 25, 48] * 5, "city": ["Rome", "Oslo", "Oslo", "Rome"] * 5})
TARGET = ["no", "yes", "no", "yes"] * 5
REQUIREMENTS = {"pickle": [], "cloudpickle": ["cloudpickle==3.1.2"], "skops": []}
"""MLflow would list scikit-learn as well, which takes a pod a minute to install."""


class Older:
    """A class of this script: only cloudpickle saves its code."""

    def fit(self, frame: pd.DataFrame) -> Older:
        self.mean = float(frame["age"].mean())
        return self

    def predict(self, frame: pd.DataFrame) -> list[bool]:
        return [bool(age > self.mean) for age in frame["age"]]


def main() -> None:
    """Save one model in each format of MLflow."""
    encoder = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    pipeline = make_pipeline(encoder, LogisticRegression()).fit(FRAME, TARGET)
    models = {"pickle": pipeline, "skops": pipeline, "cloudpickle": Older().fit(FRAME)}
    answers = {}
    for name, model in models.items():
        mlflow.sklearn.save_model(
            model,
            Path(sys.argv[1]) / name,
            serialization_format=name,
            signature=mlflow.models.infer_signature(FRAME, TARGET),
            input_example=FRAME.head(2),
            pip_requirements=[f"mlflow=={mlflow.__version__}", *REQUIREMENTS[name]],
            skops_trusted_types=["numpy.dtype"],
        )
        answers[name] = list(map(str, model.predict(FRAME.head(4))))
    loaded = load(Path(sys.argv[1]) / "skops" / "model.skops")
    rows = rows_to_input(FRAME.head(4).to_dict("records"), loaded.schema, "data", no_strings=False)
    answers["skops, served"] = list(map(str, loaded.methods["predict"].call(rows)))
    print(json.dumps(answers))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
