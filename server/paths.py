"""What is in a model's folder: the downloader writes it, the loader reads it."""

MODEL = "model.joblib"
REQUIREMENTS = "requirements.txt"
RESOLVED = "resolved.txt"
"""The versions that an earlier pod of the same version of the model has installed for its requirements.txt."""
PACKAGES = "packages"
"""The folder of what requirements.txt brought, unless the server's `--packages` says another one."""
INPUT_EXAMPLE = "input-example.json"
"""Rows as a client would send them, by the model's owner."""
MLFLOW_EXAMPLE = "input_example.json"
MLFLOW_MODEL = "MLmodel"
INPUT_FILES = (INPUT_EXAMPLE, MLFLOW_EXAMPLE, MLFLOW_MODEL)
"""What says how the model's input looks; each is optional."""
