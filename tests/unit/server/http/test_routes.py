"""Where a body is read: on the event loop if that is short, else beside it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from server.http.routes import LARGE, Service
from server.inference.predictor import Predictor
from server.telemetry.metrics import Metrics

HERE, BESIDE = threading.main_thread().name, "predict_0"


@pytest.mark.parametrize(
    ("size", "text", "place"), [(LARGE, None, HERE), (LARGE + 1, None, BESIDE), (LARGE + 1, 100, HERE)]
)
def test_much_text_is_read_beside_the_event_loop(size: int, text: int | None, place: str) -> None:
    predictor = Predictor(Path("model.joblib"))
    service = Service(predictor, Metrics("model", ""), "model", "")

    def read(body: Any, more: str) -> tuple[int, str, str]:
        return len(body), more, threading.current_thread().name

    assert asyncio.run(service.parsed(read, bytes(size), "more", text=text)) == (size, "more", place)
    predictor.close()
