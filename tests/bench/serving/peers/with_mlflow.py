"""`mlflow models serve` of a model saved with `mlflow.sklearn`, one worker.

With `prepare` as the last argument it saves the model in its own format, which is no part of the start.
"""

import os
import sys
from pathlib import Path

SAVED = Path.cwd() / "mlflow-model"


def save(model: str) -> None:
    import joblib
    import mlflow.sklearn

    # The model's requirements are given, because they are already in this environment.
    mlflow.sklearn.save_model(joblib.load(model), SAVED, pip_requirements=[], serialization_format="cloudpickle")


def serve(port: str) -> None:
    program = Path(sys.executable).with_name("mlflow")
    # It starts uvicorn by its name on PATH, and has no option for uvicorn's access log.
    os.environ.update(PATH=f"{program.parent}:{os.environ['PATH']}", UVICORN_ACCESS_LOG="false")
    options = ["--host", "127.0.0.1", "--port", port, "--workers", "1", "--env-manager", "local"]
    os.execv(program, [str(program), "models", "serve", "--model-uri", str(SAVED), *options])


if __name__ == "__main__":
    if sys.argv[-1] == "prepare":
        save(sys.argv[1])
    else:
        serve(sys.argv[2])
