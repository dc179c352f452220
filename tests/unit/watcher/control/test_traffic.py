from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence

import pytest
import structlog

from watcher.control import traffic
from watcher.control.status_board import StatusBoard
from watcher.control.traffic import MOST_ASKS, ModelScrapes, TrafficCollector
from watcher.control.traffic_board import TrafficBoard
from watcher.core.traffic import Traffic
from watcher.core.types import ModelId, ModelStatus, Pods, State
from watcher.errors import Retryable

IRIS, WINE = ModelId("team", "iris"), ModelId("team", "wine")


def metrics(process: float, requests: float) -> bytes:
    named = 'endpoint="/predict",model_name="iris"'
    return (
        f"process_start_time_seconds {process}\n"
        f'kubeserve_requests_total{{code="200",{named}}} {requests}\n'
        f'kubeserve_request_duration_seconds_bucket{{le="0.1",{named}}} {requests}\n'
        f'kubeserve_request_duration_seconds_bucket{{le="+Inf",{named}}} {requests}\n'
    ).encode()


class Answers:
    """Stands in for the network: each GET takes the next answer of its URL."""

    def __init__(self, **answers: Callable[[], bytes | None]) -> None:
        self.answers, self.asked, self.closed = answers, list[str](), False

    def get(self, url: str, *, seconds: float, most: int) -> bytes | None:
        self.asked.append(url)
        return self.answers[url.split("/")[2]]()

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that lets seconds pass."""
    now = [1000.0]
    monkeypatch.setattr(traffic.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def status(model: ModelId, ready: int = 1) -> ModelStatus:
    board = StatusBoard()
    board.set(model, State.READY, version="v1", url=f"http://{model.name}", pods=Pods("v1", ready, ready))
    return board.models()[0]


def test_measure_needs_two_scrapes_of_a_server(clock: Callable[[float], None]) -> None:
    served = iter([metrics(1, 100), metrics(1, 150), metrics(2, 5), metrics(2, 25)])
    scrapes = ModelScrapes(Answers(iris=lambda: next(served)))  # type: ignore[arg-type]
    assert scrapes.measure([status(IRIS)]) == {IRIS: Traffic()}
    clock(10)
    assert scrapes.measure([status(IRIS)])[IRIS].rate == 5.0
    clock(traffic.POD_SECONDS + 1)  # another process: it has restarted, and the one before counts no more
    assert scrapes.measure([status(IRIS)])[IRIS].rate is None
    clock(10)
    assert scrapes.measure([status(IRIS)])[IRIS].rate == 2.0


def test_measure_of_several_pods_behind_one_address_adds_them_up(clock: Callable[[float], None]) -> None:
    counts, pods = {1: 100.0, 2: 0.0}, itertools.cycle([1, 2])

    def next_pod() -> bytes:
        pod = next(pods)
        return metrics(pod, counts[pod])

    answers = Answers(iris=next_pod)
    scrapes = ModelScrapes(answers)  # type: ignore[arg-type]
    scrapes.measure([status(IRIS, ready=2)])
    clock(10)
    counts.update({1: 200.0, 2: 300.0})
    assert scrapes.measure([status(IRIS, ready=2)])[IRIS].rate == 40.0
    answers.asked.clear()
    scrapes.measure([status(IRIS, ready=50)])
    assert len(answers.asked) == MOST_ASKS


def test_a_model_is_asked_at_the_given_address_and_not_at_the_one_that_people_see() -> None:
    answers = Answers(inside=lambda: metrics(1, 1))
    ModelScrapes(answers, lambda _: "http://inside").measure([status(IRIS)])  # type: ignore[arg-type]
    assert answers.asked == ["http://inside/metrics"]


def test_a_model_that_does_not_answer_is_left_alone_for_a_while(clock: Callable[[float], None]) -> None:
    answers = Answers(iris=lambda: None, wine=lambda: metrics(1, 1))
    scrapes = ModelScrapes(answers)  # type: ignore[arg-type]
    models = [status(IRIS, ready=3), status(WINE)]
    assert set(scrapes.measure(models)) == {WINE}
    assert sorted(answers.asked) == ["http://iris/metrics", "http://wine/metrics"]
    clock(10)
    scrapes.measure(models)
    assert answers.asked.count("http://iris/metrics") == 1
    clock(traffic.ASK_AGAIN)
    scrapes.measure(models)
    assert answers.asked.count("http://iris/metrics") == 2


def test_a_model_that_is_gone_is_forgotten() -> None:
    scrapes = ModelScrapes(Answers(iris=lambda: metrics(1, 1), wine=lambda: None))  # type: ignore[arg-type]
    scrapes.measure([status(IRIS), status(WINE)])
    assert scrapes.measure([]) == {}
    assert (scrapes._pods, scrapes._silent) == ({}, {})


class Fixed:
    """A source with an answer or an error for each round."""

    def __init__(self, *rounds: Traffic | Exception) -> None:
        self.rounds, self.asked, self.closed = list(rounds), list[list[ModelId]](), threading.Event()

    def measure(self, models: Sequence[ModelStatus]) -> Mapping[ModelId, Traffic]:
        self.asked.append([item.id for item in models])
        found = self.rounds.pop(0) if self.rounds else Traffic()
        if isinstance(found, Exception):
            raise found
        return {item.id: found for item in models}

    def close(self) -> None:
        self.closed.set()


def test_only_models_with_a_ready_pod_are_measured() -> None:
    board, shown, source = StatusBoard(), TrafficBoard(), Fixed(Traffic(1.0))
    board.set(IRIS, State.READY, url="http://iris", pods=Pods("v1", 1, 1))
    board.set(WINE, State.PROGRESSING, url="http://wine", pods=Pods("", 0, 1))
    board.set(ModelId("team", "new"), State.REJECTED)
    TrafficCollector(board, shown, source, 15).measure()
    assert source.asked == [[IRIS]]
    assert shown.get(IRIS) == Traffic(1.0)


def test_a_source_that_fails_is_shown_and_logged_once() -> None:
    failure = Retryable("Unreachable", "no Prometheus answers")
    board, shown, source = StatusBoard(), TrafficBoard(), Fixed(Traffic(1.0), failure, failure, Traffic(2.0))
    board.set(IRIS, State.READY, url="http://iris", pods=Pods("v1", 1, 1))
    collector = TrafficCollector(board, shown, source, 15)
    with structlog.testing.capture_logs() as logs:
        for expected in ("", "no Prometheus answers", "no Prometheus answers", ""):
            collector.measure()
            assert shown.problem == expected
    assert [entry["reason"] for entry in logs] == ["no Prometheus answers"]
    assert shown.get(IRIS) == Traffic(2.0)


def test_the_thread_survives_an_unexpected_error_and_ends_by_stop() -> None:
    source = Fixed(ValueError("a defect"))
    collector = TrafficCollector(StatusBoard(), shown := TrafficBoard(), source, 0.001)
    with structlog.testing.capture_logs() as logs:
        collector.start()
        while not shown.revision:
            collector._stopping.wait(0.001)
        collector.stop()
        collector._thread.join(60)
    assert not collector._thread.is_alive()
    assert source.closed.is_set()
    assert "a defect" in logs[0]["reason"]
