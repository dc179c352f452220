"""Row 16: more requests than a model can answer, and clients that behave badly, beside one that behaves well."""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import joblib
import pytest
import urllib3

from tests.integration.driving import eventually
from tests.integration.serving import Server, running

from .rows import amount, long_form, record
from .size import Size

UNHURRIED = '''
import time

class Unhurried:
    """Answers one call at a time, each after 10 ms."""

    n_features_in_ = 1

    def predict(self, X):
        time.sleep(0.01)
        return X[:, 0]
'''
BODY = json.dumps({"data": [[0.5]]}).encode()
GIB = 1 << 30
OVERLOAD = 10


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "unhurried_model.py").write_text(UNHURRIED)
    monkeypatch.syspath_prepend(str(packages))
    import unhurried_model  # type: ignore[import-not-found]

    joblib.dump(unhurried_model.Unhurried(), tmp_path / "model.joblib")
    monkeypatch.delitem(sys.modules, "unhurried_model")
    with running(tmp_path / "model.joblib", "--batch-rows", "1", "--deadline", "0.5") as started:
        started.wait()
        yield started


def test_goodput_under_overload_stays_and_rejections_say_when_to_come_back(server: Server) -> None:
    seconds = amount(1, 60)
    alone = asked(server, clients=8, seconds=min(seconds, 10))
    before, began = Size(server.process.pid), time.monotonic()
    crowded = asked(server, clients=8 * OVERLOAD, seconds=seconds)
    took = time.monotonic() - began
    after = Size(server.process.pid)
    began = time.monotonic()
    eventually(lambda: server.ask("POST", "/predict", BODY)[0] == 200)
    healthy = time.monotonic() - began
    assert set(alone) <= {"200", "503 with Retry-After"}
    assert set(crowded) == {"200", "503 with Retry-After"}
    assert after.mib < before.mib + 40
    peak, goodput = alone["200"] / min(seconds, 10), crowded["200"] / took
    assert not long_form() or goodput >= 0.9 * peak
    record(
        16,
        "overload",
        f"{sum(crowded.values()) / took / peak:.0f} × the peak of {peak:.0f} requests a second: goodput "
        f"{goodput / peak:.0%}; a prediction {healthy:.1f} s afterwards; {after.mib - before.mib:+.0f} MiB",
    )


def asked(server: Server, *, clients: int, seconds: float) -> Counter[str]:
    """Return how many answers of each kind so many clients get. They ask again at once, whatever they are told."""
    end = time.monotonic() + seconds
    found: Counter[str] = Counter()
    with (
        urllib3.PoolManager(maxsize=clients, retries=False) as pool,
        ThreadPoolExecutor(clients) as threads,
    ):

        def ask() -> Counter[str]:
            own: Counter[str] = Counter()
            while time.monotonic() < end:
                answer = pool.request("POST", f"http://{server.address}/predict", body=BODY, timeout=60)
                own[f"{answer.status}{' with Retry-After' if 'Retry-After' in answer.headers else ''}"] += 1
            return own

        for future in [threads.submit(ask) for _ in range(clients)]:
            found += future.result()
    return found


@contextmanager
def good_client(server: Server) -> Iterator[Counter[int]]:
    """Yield the statuses of a client that asks all the time."""
    found: Counter[int] = Counter()
    stop = threading.Event()

    def ask() -> None:
        with urllib3.PoolManager(retries=False, timeout=60) as pool:
            while not stop.is_set():
                found[pool.request("POST", f"http://{server.address}/predict", body=BODY).status] += 1

    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(ask)
        try:
            yield found
            seen = found.total()
            eventually(lambda: found.total() > seen)
        finally:
            stop.set()
        asking.result()


def head(*lines: str) -> bytes:
    return "\r\n".join(["POST /predict HTTP/1.1", "Host: a", *lines, "", ""]).encode()


def answer_to(server: Server, parts: Iterator[bytes]) -> bytes:
    """Send the parts until there is an answer or they end; return the answer's first line."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        try:
            for part in parts:
                client.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server closed it, after its answer
        return client.recv(65536).partition(b"\r\n")[0]


def chunks(size: int, body: Iterator[bytes]) -> Iterator[bytes]:
    yield head("Transfer-Encoding: chunked")
    for part in body:
        yield f"{size:x}\r\n".encode() + part + b"\r\n"
    yield b"0\r\n\r\n"


def test_clients_that_behave_badly_leave_the_good_one_and_the_memory_alone(server: Server) -> None:
    slow, silent = amount(100, 900), amount(10, 50)
    before = Size(server.process.pid)
    with good_client(server) as good, ExitStack() as bad:
        assert answer_to(server, iter([head(f"Content-Length: {GIB}")])).startswith(b"HTTP/1.1 413")
        stream = chunks(1 << 16, itertools.repeat(b" " * (1 << 16), GIB >> 16))
        assert answer_to(server, stream).startswith(b"HTTP/1.1 413")
        padded = BODY + b" " * (-len(BODY) % 6 + 6 * 2000)
        small = (padded[at : at + 6] for at in range(0, len(padded), 6))
        assert answer_to(server, chunks(6, small)) == b"HTTP/1.1 200 OK"
        for _ in range(slow):
            client = bad.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            client.sendall(head("Content-Length: 100")[:-2])
        for _ in range(silent):
            client = bad.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            client.sendall((head(f"Content-Length: {len(BODY)}") + BODY) * 20)
        seen = good.total()
        eventually(lambda: good.total() > seen + 50)
    after = Size(server.process.pid)
    assert set(good) <= {200, 503}
    assert good[200] > good.total() / 2
    assert after.mib < before.mib + 60
    record(
        16,
        "bad clients",
        f"1 GiB at once and in chunks: 413; 6-byte chunks: 200; {slow} slow heads and {silent} clients that do "
        f"not read: a good client got {good[200]} of {good.total()} answers; {after.mib - before.mib:+.0f} MiB",
    )
