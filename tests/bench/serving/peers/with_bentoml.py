"""BentoML with its adaptive batching, one worker, as its documentation shows it."""

import os
import sys
from pathlib import Path

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Service:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    @bentoml.api(batchable=True, max_batch_size=100, max_latency_ms=1000)
    def predict(self, data: np.ndarray) -> np.ndarray:
        return self.model.predict(data)


if __name__ == "__main__":
    os.environ["BENCH_MODEL"] = sys.argv[1]
    program = Path(sys.executable).with_name("bentoml")
    service = f"{Path(__file__).stem}:Service"
    options = ["--host", "127.0.0.1", "--port", sys.argv[2], "--working-dir", str(Path(__file__).parent)]
    os.execv(program, [str(program), "serve", service, *options])
