"""Where a body is parsed: on the event loop if that is short, otherwise in the thread."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from server.http.service import MAX_INLINE_TEXT, Service
from server.inference.predictor import Predictor
from server.telemetry.metrics import Metrics

LOOP, THREAD = threading.main_thread().name, "predict_0"


@pytest.mark.parametrize(
    ("size", "text", "where"),
    [
        (MAX_INLINE_TEXT, None, LOOP),
        (MAX_INLINE_TEXT + 1, None, THREAD),
        (MAX_INLINE_TEXT + 1, 100, LOOP),
        (MAX_INLINE_TEXT + 2, MAX_INLINE_TEXT + 1, THREAD),
    ],
)
def test_parse_long_text_runs_in_the_thread(size: int, text: int | None, where: str) -> None:
    predictor = Predictor(Path("model.joblib"))
    service = Service(predictor, Metrics("model", ""), "model", "")

    def parser(body: Any, more: str) -> tuple[int, str, str]:
        return len(body), more, threading.current_thread().name

    assert asyncio.run(service.parse(parser, bytes(size), "more", text=text)) == (size, "more", where)
    predictor.close()
