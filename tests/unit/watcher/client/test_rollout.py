from __future__ import annotations

from typing import Any

import pytest

from watcher.client.rollout import Phase, Step, Wanted, followed, step_of
from watcher.core.types import ModelId
from watcher.errors import Retryable

IRIS = ModelId("team", "iris")
V2 = Wanted(IRIS, "v2", "e2")


def version(name: str, state: str, reason: str = "", etag: str = "e2") -> dict[str, Any]:
    return {"version": name, "state": state, "reason": reason, "etag": etag}


def status(*versions: dict[str, Any], shown: str = "v2", **others: Any) -> dict[str, Any]:
    row = {"namespace": "team", "model": "iris", "version": shown, "state": "", "reason": "", "url": "http://m"}
    return {"models": [{**row, "since": "now", "versions": list(versions), **others}], "refused": []}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"models": [], "refused": []}, Step(Phase.UPLOADED)),
        (status(version("v1", "Ready")), Step(Phase.UPLOADED)),
        (status(version("v2", "Ready", etag="the old one")), Step(Phase.UPLOADED)),
        (status(version("v2", "")), Step(Phase.SEEN)),
        (status(version("v2", "Progressing"), shown="v1"), Step(Phase.SEEN)),
        (status(version("v2", "Progressing"), ready=1, replicas=2), Step(Phase.ROLLING, "1 of 2 ready")),
        (
            status(version("v2", "Progressing"), serving="v1", ready=1, replicas=1),
            Step(Phase.ROLLING, "v1 serves until v2 is ready"),
        ),
        (status(version("v2", "Applied"), ready=None, replicas=None), Step(Phase.ROLLING)),
        (status(version("v2", "Ready")), Step(Phase.READY, url="http://m")),
        (status(version("v2", "Superseded")), Step(Phase.NOT_SERVED, "superseded", "http://m")),
        (status(version("v2", "Paused", "paused: true")), Step(Phase.NOT_SERVED, "paused: true", "http://m")),
        (status(version("v2", "Failed", "bad"), serving="v1"), Step(Phase.FAILED, "bad; v1 keeps serving", "http://m")),
        (status(version("v2", "Rejected", "no"), serving=""), Step(Phase.FAILED, "no", "http://m")),
    ],
)
def test_step_of_a_version_is_what_the_watcher_says_of_its_bytes(body: dict[str, Any], expected: Step) -> None:
    assert step_of(body, V2) == expected


def test_step_of_a_refused_key_has_failed() -> None:
    refused = [{"key": "team/iris/v2/model.joblib", "reason": "namespace 'team' is not in --namespaces"}]
    assert step_of({"models": [], "refused": refused}, V2) == Step(
        Phase.FAILED, "namespace 'team' is not in --namespaces"
    )


def test_step_of_an_overwritten_version_is_not_ready_by_its_old_bytes() -> None:
    again = Wanted(IRIS, "v2", "e2", old_since="now")
    assert step_of(status(version("v2", "Ready")), again).phase is Phase.SEEN
    assert step_of(status(version("v2", "Ready"), since="later"), again).phase is Phase.READY


def test_step_of_an_earlier_watcher_is_that_of_the_model() -> None:
    body = status(state="Ready")
    del body["models"][0]["versions"]
    assert step_of(body, V2).phase is Phase.READY
    assert step_of(body, Wanted(IRIS, "v3", "e3")).phase is Phase.UPLOADED


class Time:
    def __init__(self, *bodies: dict[str, Any] | Retryable) -> None:
        self.now, self.bodies = 0.0, list(bodies)

    def status(self) -> dict[str, Any]:
        body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        if isinstance(body, Retryable):
            raise body
        return body

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def follow(self, seconds: float = 10) -> list[Phase]:
        return [step.phase for step in followed(self.status, V2, seconds, now=lambda: self.now, sleep=self.sleep)]


AWAY = Retryable("NoWatcher", "no watcher answers")


def test_followed_yields_each_new_step_once_and_waits_for_a_watcher_that_restarts() -> None:
    nothing, rolling, ready = status(), status(version("v2", "Progressing")), status(version("v2", "Ready"))
    expected = [Phase.SEEN, Phase.ROLLING, Phase.READY]  # it was seen between two looks
    assert Time(nothing, nothing, rolling, AWAY, rolling, ready).follow() == expected
    assert Time(nothing, status(version("v2", "")), rolling, ready).follow() == expected
    assert Time(nothing, status(version("v2", "Rejected", "no"))).follow() == [Phase.FAILED]


def test_followed_ends_with_the_time() -> None:
    time = Time(status(version("v2", "Progressing")))
    assert time.follow(3) == [Phase.SEEN, Phase.ROLLING]
    assert 3 <= time.now < 4


def test_followed_without_a_watcher_fails() -> None:
    with pytest.raises(Retryable, match="no watcher answers"):
        Time(AWAY).follow()
