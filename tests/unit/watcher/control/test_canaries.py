from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from watcher.control.canaries import COMPARED, INTERVAL, NO_SOURCE, SHORTEST, Canaries
from watcher.control.traffic_board import TrafficBoard
from watcher.core.plain_yaml import load_map
from watcher.core.trials import trials_of
from watcher.core.types import Entry, ModelId, ModelVersion, Release, StoredObject
from watcher.core.user_values import choose_version, parse
from watcher.core.verdict import LONGEST, WINDOW, Figures
from watcher.errors import Rejected, Retryable

IRIS = ModelId("team", "iris")
KEY = "team/iris/values.yaml"
GOOD, BAD = Figures(4000, 0.0, 0.01), Figures(400, 0.5, 0.01)


def stored(key: str, etag: str = "1") -> StoredObject:
    return StoredObject(key, etag, 1, datetime(2026, 1, 1, tzinfo=UTC))


class World:
    """A model with versions v1 to v3 and a values.yaml, a Prometheus with figures of them, and a clock."""

    def __init__(self, text: str) -> None:
        self.text, self.etag = text, "1"
        self.figures: Mapping[str, Figures] = {}
        self.problem: Exception | None = None
        self.asked: list[float] = []
        self.now, self.board = 1000.0, TrafficBoard()
        self.canaries = Canaries(self, self.board, self, lambda: self.now)  # type: ignore[arg-type]

    def versions(self, model: ModelId, seconds: float) -> Mapping[tuple[str, str], Figures]:
        self.asked.append(seconds)
        if self.problem:
            raise self.problem
        return {(track, version): found for version, found in self.figures.items() for track in ("", "canary")}

    def read(self, key: str, limit: int) -> bytes:
        assert key == KEY
        return self.text.encode()

    def replace(self, key: str, content: bytes, etag: str) -> None:
        assert (key, etag) == (KEY, "1")
        if self.problem:
            raise self.problem
        self.text, self.etag = content.decode(), "2"

    @property
    def entry(self) -> Entry:
        versions = tuple(
            ModelVersion(IRIS, name, stored(f"team/iris/{name}/model.joblib")) for name in ("v1", "v2", "v3")
        )
        return Entry(IRIS, versions, stored(KEY, self.etag))

    def look(self, seconds: float = 0, *, answers: bool = True) -> str:
        """Compare `seconds` later."""
        self.now += seconds
        values = parse(self.text.encode(), KEY, model_level=True)
        stable = choose_version(self.entry, values)
        trials, _ = trials_of(self.entry, stable, values)
        return self.canaries.compare(
            self.entry, Release(stable, trials=tuple(replace(item, answers=answers) for item in trials))
        )


def test_compare_promotes_a_good_canary_after_the_window_and_keeps_the_rest_of_the_file() -> None:
    world = World("# ours\ncanary: {version: v3, weight: 10, promote: auto}\ndeployment: {replicas: 2}\n")
    world.figures = {"v3": GOOD, "v2": GOOD}
    assert world.look() == COMPARED
    assert world.look(SHORTEST - 1) == COMPARED
    assert world.asked == []
    assert world.look(2) == COMPARED
    assert world.board.comparison(IRIS).startswith("v3 0.0 % errors of 4000 requests, p99 10 ms, against v2 0.0 %")
    assert world.look(INTERVAL - 1) == COMPARED
    assert len(world.asked) == 1
    assert world.look(WINDOW).startswith("the verdict is to promote v3: v3 0.0 % errors")
    assert world.asked[-1] == SHORTEST + INTERVAL + WINDOW  # all that it has answered
    assert world.text == "# ours\ndeployment: {replicas: 2}\n"
    assert world.look() == ""
    assert world.board.comparison(IRIS) == ""


def test_compare_a_canary_of_few_requests_covers_a_day_at_most() -> None:
    world = World("canary: {version: v3, weight: 10, promote: auto}\n")
    world.figures = {"v3": Figures(10, 0.0, 0.01), "v2": GOOD}
    world.look()
    assert world.look(2 * LONGEST) == COMPARED
    assert world.asked == [LONGEST]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: v1\ncanary: {version: v3, weight: 10, promote: auto}\n", {"version": "v3"}),
        ("canary: {version: v2, weight: 10, promote: auto}\n", {"version": "v2"}),  # v3 would serve otherwise
    ],
)
def test_compare_pins_a_promoted_version_that_would_not_serve_otherwise(text: str, expected: object) -> None:
    world = World(text)
    world.figures = dict.fromkeys(("v1", "v2", "v3"), GOOD)
    world.look()
    world.look(WINDOW)
    assert load_map(world.text.encode()) == expected


def test_compare_rolls_a_bad_canary_back_at_once_and_leaves_the_reason_in_the_file() -> None:
    world = World("canary:\n  version: v3\n  weight: 10\n  promote: auto\n")
    world.figures = {"v3": BAD, "v2": GOOD}
    world.look()
    assert "the verdict is to roll back v3: too many errors" in world.look(SHORTEST)
    canary = load_map(world.text.encode())["canary"]
    assert (canary["version"], canary["weight"], canary["promote"]) == ("v3", 0, "auto")
    assert canary["verdict"].startswith("rolled back, too many errors: v3 50.0 % errors of 400 requests")
    assert world.look(WINDOW) == ""
    assert choose_version(world.entry, load_map(world.text.encode())).version == "v2"


def test_compare_begins_anew_when_the_canary_has_other_bytes_or_no_ready_pod() -> None:
    world = World("canary: {version: v3, weight: 10, promote: auto}")
    world.figures = {"v3": GOOD, "v2": GOOD}
    world.look()
    assert world.look(WINDOW, answers=False) == ""
    assert world.look() == COMPARED
    assert world.look(WINDOW - 1) == COMPARED
    assert world.text.startswith("canary")


def test_compare_ignores_figures_that_a_canary_exports_under_the_name_of_the_version_that_serves() -> None:
    world = World("canary: {version: v3, weight: 10, promote: auto}")
    world.versions = lambda *_: {("canary", "v3"): GOOD, ("canary", "v2"): BAD, ("", "v3"): GOOD}  # type: ignore[method-assign]
    world.look()
    assert world.look(WINDOW) == COMPARED
    assert "against v2 0.0 % errors of 0 requests" in world.board.comparison(IRIS)


def test_compare_says_what_keeps_it_from_a_verdict() -> None:
    world = World("canary: {version: v3, weight: 10, promote: auto}")
    world.figures = {"v3": GOOD, "v2": GOOD}
    world.look()
    world.problem = Retryable("Unreachable", "no Prometheus answers")
    assert world.look(WINDOW) == "not compared: no Prometheus answers"
    world.problem, refusal = None, Rejected("AccessDenied", "the credentials may not write it")
    world.replace = _raising(refusal)  # type: ignore[method-assign]
    assert "do it by hand, because the watcher cannot: the credentials may not write it" in world.look(INTERVAL)


def _raising(error: Exception) -> object:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "text", ["canary: {version: v3, weight: 10}", "canary: {version: v3, weight: 0, promote: auto}"]
)
def test_compare_of_a_canary_that_a_person_decides_on_asks_nothing(text: str) -> None:
    world = World(text)
    assert world.look() == ""
    assert world.look(WINDOW) == ""
    assert world.asked == []


def test_compare_without_a_prometheus_says_so() -> None:
    world = World("canary: {version: v3, weight: 10, promote: auto}")
    world.canaries = Canaries(world, world.board, None, lambda: world.now)  # type: ignore[arg-type]
    assert world.look(WINDOW) == NO_SOURCE
