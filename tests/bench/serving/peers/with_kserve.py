"""KServe's SDK: a custom model, as its documentation shows it, with its V1 protocol."""

import logging
import os
import sys
import warnings
from typing import Any

import joblib

MODEL, PORT = sys.argv[1], int(sys.argv[2])
# Its server reads the command line and this variable at import. It then logs no line for each request.
sys.argv[1:], os.environ["KSERVE_LOGLEVEL"] = [], "WARNING"

import kserve  # noqa: E402 - see above

# These warnings are about its own calls into FastAPI, and would be logged with each request.
warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")


class Served(kserve.Model):
    def __init__(self, path: str) -> None:
        super().__init__("model")
        self.model = joblib.load(path)
        self.ready = True

    def predict(self, payload: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        return {"predictions": self.model.predict(payload["instances"]).tolist()}


if __name__ == "__main__":
    server = kserve.ModelServer(http_port=PORT, workers=1, enable_grpc=False, enable_latency_logging=False)
    logging.getLogger("uvicorn.access").disabled = True
    server.start([Served(MODEL)])
