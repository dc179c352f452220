"""Measure whether health and metrics are answered during a prediction that takes seconds; ours only."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import joblib
import numpy as np

from dev.processes import ChildError, free_port
from tests.bench.serving.bench import Bench
from tests.bench.serving.figures import waits
from tests.bench.serving.models import save_slow, slow_rows
from tests.bench.serving.process import Process
from tests.bench.serving.protocols import Request
from tests.bench.serving.servers import OURS

PATHS = ("/health", "/metrics")
LONG = 2.0
"""Seconds. The intended duration of the prediction."""
IDLE = 1.0
"""Seconds of the same requests without a prediction."""
PAUSE = 0.002
"""Seconds between two requests, so that they do not keep the server busy."""


def measure(bench: Bench) -> None:
    """Add the times of the answers, or the reason why there are none."""
    path, port = save_slow(bench.folder), free_port()
    rows = slow_rows(_count(joblib.load(path)))
    command = OURS.command(path, port)
    with Process(OURS.name, command, bench.folder / "meanwhile", port, bench.cores.server) as process:
        try:
            process.start(OURS.health)
            _idle(bench, process)
            _busy(bench, process, rows)
        except ChildError as error:
            bench.measured.meanwhile_absent = str(error)
        except (OSError, http.client.HTTPException) as error:
            bench.measured.meanwhile_absent = f"{type(error).__name__}: {error}"


def _count(model: Any) -> int:
    """Return the number of rows that take this long on this machine."""
    rows = slow_rows(500)
    began = time.perf_counter()
    model.predict(rows)
    return int(LONG * len(rows) / (time.perf_counter() - began))


def _idle(bench: Bench, process: Process) -> None:
    end = time.monotonic() + IDLE
    _ask(bench, process, "nothing else", lambda: time.monotonic() > end)


def _busy(bench: Bench, process: Process, rows: np.ndarray) -> None:
    request = OURS.speaks.request(rows)
    with ThreadPoolExecutor(1) as other:
        prediction = other.submit(_predict, process, request, len(rows))
        _ask(bench, process, f"a prediction of {len(rows):,} rows", prediction.done)
        bench.measured.meanwhile_seconds = prediction.result()


def _predict(process: Process, request: Request, rows: int) -> float:
    """Return the seconds that the prediction took. Raise ChildError if the answer is wrong."""
    began = time.perf_counter()
    answer = process.ask("POST", request.path, request)
    seconds = time.perf_counter() - began
    if answer.status != HTTPStatus.OK or len(OURS.speaks.predictions(answer.headers, answer.body)) != rows:
        raise ChildError(f"the long prediction was answered {answer.status}")
    return seconds


def _ask(bench: Bench, process: Process, beside: str, is_over: Callable[[], bool]) -> None:
    """Send requests in turns until it is over, each on a new connection, as a probe does."""
    seconds: dict[str, list[float]] = {path: [] for path in PATHS}
    while not is_over():
        for path in PATHS:
            began = time.perf_counter()
            status = process.ask("GET", path).status
            seconds[path].append(time.perf_counter() - began)
            if status != HTTPStatus.OK:
                raise ChildError(f"{path} answered {status} beside {beside}")
            time.sleep(PAUSE)
    for path in PATHS:
        bench.measured.meanwhile[path, beside] = waits(seconds[path])
