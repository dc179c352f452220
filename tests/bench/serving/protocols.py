"""The protocols of the servers: rows → request, answer → predictions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

NAME = "model"
"""The model's name in every server."""

_JSON = {"Content-Type": "application/json"}
_HEADER_LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class Request:
    """A POST request."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: _JSON)


class Speaks(Protocol):
    """One protocol."""

    def request(self, rows: Any) -> Request:
        """Return the request for the predictions of these rows: an array, or a list as clients send it."""

    def predictions(self, headers: Mapping[str, str], body: bytes) -> list[Any]:
        """Return the predictions in an answer. Any exception means that the answer is wrong."""


@dataclass(frozen=True)
class Plain:
    """`{key: rows}` → `{"predictions": …}`."""

    path: str
    key: str

    def request(self, rows: Any) -> Request:
        return Request(self.path, _dumps({self.key: rows.tolist() if isinstance(rows, np.ndarray) else rows}))

    def predictions(self, headers: Mapping[str, str], body: bytes) -> list[Any]:
        return list(json.loads(body)["predictions"])


class Bare(Plain):
    """`{key: rows}` → a bare list."""

    def predictions(self, headers: Mapping[str, str], body: bytes) -> list[Any]:
        return list(json.loads(body))


class V2:
    """Open Inference Protocol. The `id` is set, because otherwise a server creates one, different in each answer."""

    def request(self, rows: Any) -> Request:
        tensor = {"name": "input-0", "shape": list(rows.shape), "datatype": "FP64", "data": rows.ravel().tolist()}
        return Request(f"/v2/models/{NAME}/infer", _dumps({"id": "bench", "inputs": [tensor]}))

    def predictions(self, headers: Mapping[str, str], body: bytes) -> list[Any]:
        return list(json.loads(body)["outputs"][0]["data"])


class V2Binary:
    """The Open Inference Protocol with numbers as in memory, in both directions."""

    def request(self, rows: Any) -> Request:
        sized = {"binary_data_size": rows.nbytes}
        tensor = {"name": "input-0", "shape": list(rows.shape), "datatype": "FP64", "parameters": sized}
        head = _dumps({"id": "bench", "inputs": [tensor], "parameters": {"binary_data_output": True}})
        headers = {"Content-Type": "application/octet-stream", _HEADER_LENGTH: str(len(head))}
        return Request(f"/v2/models/{NAME}/infer", head + rows.tobytes(), headers)

    def predictions(self, headers: Mapping[str, str], body: bytes) -> list[Any]:
        length = int({name.lower(): value for name, value in headers.items()}[_HEADER_LENGTH.lower()])
        datatype = json.loads(body[:length])["outputs"][0]["datatype"]
        kind = {"INT": "i", "UINT": "u", "FP": "f"}[datatype.rstrip("0123456789")]
        return np.frombuffer(body[length:], f"<{kind}{int(datatype.lstrip('INTUFP')) // 8}").tolist()


def _dumps(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
