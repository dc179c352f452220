"""LitServe with its batching, as its documentation shows it: decode, batch, predict, unbatch, encode."""

import sys
from pathlib import Path
from typing import Any

import joblib
import litserve
import numpy as np


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = joblib.load(Path(sys.argv[1]))

    def decode_request(self, request: dict[str, Any], **_: Any) -> np.ndarray:
        return np.asarray(request["data"])

    def batch(self, inputs: list[np.ndarray]) -> tuple[np.ndarray, list[int]]:
        return np.concatenate(inputs), [len(rows) for rows in inputs]

    def predict(self, batch: tuple[np.ndarray, list[int]], **_: Any) -> list[np.ndarray]:
        rows, sizes = batch
        return np.split(self.model.predict(rows), np.cumsum(sizes)[:-1])

    def unbatch(self, output: list[np.ndarray]) -> list[np.ndarray]:
        return output

    def encode_response(self, output: np.ndarray, **_: Any) -> dict[str, Any]:
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    api = Api(max_batch_size=64, batch_timeout=0.005)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[2]), num_api_servers=1, generate_client_file=False, log_level="warning"
    )
