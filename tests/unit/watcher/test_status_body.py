from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.control.traffic_board import TrafficBoard
from watcher.core.catalog import read_listing
from watcher.core.traffic import Traffic
from watcher.core.types import ModelId, Pods, Refusal, State, StoredObject
from watcher.errors import Rejected
from watcher.status_body import StatusBody

IRIS = ModelId("team", "iris")
DAY = datetime(2026, 1, 1, tzinfo=UTC)


def body() -> tuple[StatusBoard, StatusBody]:
    board, _, made = body_with_traffic()
    return board, made


def body_with_traffic() -> tuple[StatusBoard, TrafficBoard, StatusBody]:
    times = iter(datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 31))
    board, sources = StatusBoard(lambda: next(times)), SourceHealth(lambda: DAY)
    sources.report("poll", live=True)
    traffic = TrafficBoard(lambda: DAY)
    return board, traffic, StatusBody(board, sources, traffic, runtime="local", bucket="models", state_dir="/state")


def test_whole_keeps_since_until_something_changes() -> None:
    board, made = body()
    assert board.set(IRIS, State.READY, version="v1")
    assert not board.set(IRIS, State.READY, version="v1")
    board.set_loaded(board.models()[0], "data")
    board.refuse([Refusal("k", "why")])
    status = json.loads(made.whole())
    (model,) = status["models"]
    assert (model["since"], model["loaded"]) == ("2026-01-01T00:00:00+00:00", "data")
    assert status["refused"] == [{"key": "k", "reason": "why"}]
    assert [source["name"] for source in status["sources"]] == ["poll"]


def test_whole_has_what_answers_and_the_versions() -> None:
    board, made = body()
    files = [StoredObject(f"team/iris/{version}/model.joblib", "abc", 7, DAY) for version in ("v1", "v2")]
    board.list_all(read_listing(files).entries, 1)
    board.set(IRIS, State.FAILED, version="v2", reason="not a model", url="http://a", pods=Pods("v1", 1, 2))
    status = json.loads(made.whole())
    assert (status["runtime"], status["bucket"], status["state_dir"]) == ("local", "models", "/state")
    assert status["models"] == [
        {
            "namespace": "team",
            "model": "iris",
            "version": "v2",
            "state": "Failed",
            "reason": "not a model",
            "url": "http://a",
            "since": "2026-01-01T00:00:00+00:00",
            "loaded": "",
            "serving": "v1",
            "ready": 1,
            "replicas": 2,
            "traffic": {"rate": None, "p99": None, "errors": None},
            "canary": "",
            "versions": [
                {
                    "version": "v2",
                    "state": "Failed",
                    "reason": "not a model",
                    "since": "2026-01-01T00:00:00+00:00",
                    "size": 7,
                    "modified": "2026-01-01T00:00:00+00:00",
                    "etag": "abc",
                },
                {
                    "version": "v1",
                    "state": "Ready",
                    "reason": "",
                    "since": None,
                    "size": 7,
                    "modified": "2026-01-01T00:00:00+00:00",
                    "etag": "abc",
                },
            ],
        }
    ]


def test_whole_is_made_anew_only_after_a_change() -> None:
    board, made = body()
    board.set(IRIS, State.READY)
    first = made.whole()
    assert made.whole() is first
    board.set(IRIS, State.READY, pods=Pods("v1", 1, 1))
    second = made.whole()
    assert second != first
    files = [StoredObject("team/iris/v1/model.joblib", "abc", 7, DAY)]
    for listed_at in (1, 2):
        board.list_all(read_listing(files).entries, listed_at)
        third = made.whole()
        assert [item["version"] for item in json.loads(third)["models"][0]["versions"]] == ["v1"]
    assert made.whole() is third
    board.list_all({}, 3)
    assert json.loads(made.whole())["models"][0]["versions"] == []


def test_model_has_its_own_events_and_the_timeline_those_of_all() -> None:
    board, made = body()
    board.set(IRIS, State.APPLIED, version="v1")
    board.set(ModelId("team", "wine"), State.REJECTED, reason="no")
    board.set(IRIS, State.READY, version="v1")
    found = made.model(IRIS)
    assert found["state"] == "Ready"
    assert found["events"] == [
        {"time": "2026-01-03T00:00:00+00:00", "version": "v1", "state": "Ready", "reason": ""},
        {"time": "2026-01-01T00:00:00+00:00", "version": "v1", "state": "Applied", "reason": ""},
    ]
    events = made.timeline(2)["events"]
    assert [(event["model"], event["state"]) for event in events] == [("iris", "Ready"), ("wine", "Rejected")]


def test_model_that_is_not_there_names_the_nearest_one() -> None:
    board, made = body()
    board.set(IRIS, State.READY)
    for wanted, sentence in (
        (ModelId("team", "irs"), "no model 'irs'; did you mean 'iris'?"),
        (ModelId("tem", "iris"), "no model 'tem/iris'; did you mean 'team/iris'?"),
    ):
        with pytest.raises(Rejected) as caught:
            made.model(wanted)
        assert str(caught.value) == sentence


def test_whole_and_traffic_have_the_figures_of_each_model() -> None:
    board, traffic, made = body_with_traffic()
    board.set(IRIS, State.READY, version="v1")
    board.set(ModelId("team", "wine"), State.READY, version="v1")
    unknown = {"rate": None, "p99": None, "errors": None}
    status = json.loads(made.whole())
    assert [model["traffic"] for model in status["models"]] == [unknown, unknown]
    assert status["traffic"] == {"at": None, "problem": ""}
    traffic.publish({IRIS: Traffic(2.0, 0.01, 0.5)})
    traffic.publish({IRIS: Traffic(4.0, None, 0.0)}, "no\x1b[31m answer")
    status = json.loads(made.whole())
    assert [model["traffic"] for model in status["models"]] == [{"rate": 4.0, "p99": None, "errors": 0.0}, unknown]
    assert status["traffic"] == {"at": "2026-01-01T00:00:00+00:00", "problem": "no [31m answer"}
    assert made.model(IRIS)["traffic"]["rate"] == 4.0
    history = {"rate": [2.0, 4.0], "p99": [0.01, None], "errors": [0.5, 0.0]}
    assert made.traffic() == {"models": [{"namespace": "team", "model": "iris", **history}]}
