from __future__ import annotations

from collections.abc import Callable

import pytest

from watcher.control.retries import Retries
from watcher.control.workqueue import WorkQueue
from watcher.core.types import ModelId
from watcher.errors import Rejected, Retryable

DOWN = Retryable("ApiError", "HTTP 500")
QUOTA = Rejected("Forbidden", "exceeded quota")
BROKEN = Rejected("InvalidValues", "values.yaml is no YAML")
IRIS = ModelId("team", "iris")


def models(count: int, namespace: str = "team") -> list[ModelId]:
    return [ModelId(namespace, f"m{number}") for number in range(count)]


class Simulation:
    """Models in a work queue. A try fails with what `error` returns for the model and the time, after a millisecond."""

    def __init__(self, error: Callable[[ModelId, float], Exception | None], *names: ModelId) -> None:
        self.error, self.retries, self.now = error, Retries(), 0.0
        self.queue: WorkQueue[ModelId] = WorkQueue(lambda: self.now)
        self.tries, self.served = list[float](), dict[ModelId, float]()
        for name in names:
            self.queue.add(name)

    def run(self, until: float) -> None:
        while self.queue and min(self.queue._due.values()) <= until:
            self.now = max(self.now, min(self.queue._due.values()))
            name = self.queue.get()
            assert name
            self.tries.append(self.now)
            self.now += 0.001
            if error := self.error(name, self.now):
                delay, released = self.retries.failed(name, error)
                self.queue.add(name, delay)
            else:
                self.served[name], released = self.now, self.retries.succeeded(name)
            self.queue.done(name)
            for other in released:
                self.queue.add(other)


@pytest.mark.parametrize("error", [DOWN, QUOTA, Rejected("NamespaceMissing", "no namespace"), Retryable("X", "429")])
@pytest.mark.parametrize("outage", [3, 60, 600])
def test_model_that_failed_by_a_shared_cause_is_tried_within_seconds_of_its_end(error: Exception, outage: int) -> None:
    world = Simulation(lambda _, now: error if now < outage else None, *models(5))
    world.run(outage + 100)
    assert len(world.served) == 5
    assert max(world.served.values()) <= outage + 5


@pytest.mark.parametrize("error", [DOWN, QUOTA])
def test_thousand_models_with_a_shared_cause_are_tried_rarely_and_all_at_once_when_one_succeeds(
    error: Exception,
) -> None:
    world = Simulation(lambda _, now: error if now < 600 else None, *models(1000))
    world.run(700)
    assert len([now for now in world.tries if 100 < now < 600]) / 500 < 20  # a second
    assert len(world.served) == 1000
    assert max(world.served.values()) <= 602


def test_models_that_still_fail_after_a_release_do_not_release_each_other_again() -> None:
    world = Simulation(lambda name, now: DOWN if now < 60 or int(name.name[1:]) % 2 else None, *models(200))
    world.run(60)
    world.tries.clear()
    world.run(160)
    assert len(world.served) == 100
    assert len(world.tries) < 100 + 100 * 20 + 2 * 100  # each of those that go on failing every five seconds at most


def test_model_that_fails_by_its_own_fault_is_tried_ever_more_rarely_up_to_a_minute() -> None:
    world = Simulation(lambda *_: BROKEN, IRIS)
    world.run(3600)
    assert 60 <= len(world.tries) <= 90


def test_failure_of_its_own_does_not_delay_the_next_version() -> None:
    retries = Retries()
    delays = [retries.failed(IRIS, BROKEN)[0] for _ in range(10)]
    assert delays[-1] >= 45
    retries.changed(IRIS)
    assert retries.failed(IRIS, BROKEN)[0] <= 1


def test_release_is_of_those_alone_that_have_the_cause() -> None:
    retries, (other, quota, elsewhere) = Retries(), (*models(2), ModelId("other", "m"))
    for name, error in ((IRIS, DOWN), (other, DOWN), (quota, QUOTA), (elsewhere, QUOTA)):
        assert retries.failed(name, error)[1] == set()
    assert retries.failed(IRIS, DOWN)[1] == set()
    assert retries.failed(IRIS, QUOTA)[1] == {other}  # the API server answers again
    assert retries.succeeded(IRIS) == {quota}
    assert retries.succeeded(quota) == set()


def test_retries_of_models_that_succeeded_keep_nothing() -> None:
    world = Simulation(lambda _, now: DOWN if now < 5 else None, *models(50), *models(50, "other"))
    world.run(100)
    assert (world.retries._failures, world.retries._cause, dict(world.retries._waiting)) == ({}, {}, {})
