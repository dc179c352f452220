"""The doors for texts by strangers: what comes in at one is a printable line of at most 300 characters.

And the exits, where they are shown: a hostile text has no escape there, and makes no row of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from minio.error import S3Error

import server.logs
import watcher.logs
from server.download.causes import explain
from server.errors import first_line
from server.scan import Kind, Scan, lines
from watcher.cli.commands import status
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.control.status_files import content_of
from watcher.control.traffic_board import TrafficBoard
from watcher.core.catalog import read_listing
from watcher.core.chart import first_problem
from watcher.core.text import CLEAN_LIMIT
from watcher.core.types import ModelId, ModelStatus, Refusal, State, StoredObject
from watcher.core.user_values import parse, user_schema
from watcher.errors import Rejected, Retryable
from watcher.net.causes import Advice, network_cause
from watcher.runtimes.kubernetes.answers import ApiError, failure
from watcher.runtimes.kubernetes.events import event_of
from watcher.runtimes.kubernetes.kubeconfig import _plugin_failed
from watcher.runtimes.kubernetes.rollout import container_failure, rollout_failure, route_problem
from watcher.runtimes.local.output import reason_in
from watcher.status_body import StatusBody
from watcher.stores.failures import translated

IRIS = ModelId("team", "iris")
NOW = datetime(2026, 11, 30, tzinfo=UTC)
HOSTILE = (
    "broken\x1b[2J\x1b]0;owned\x07\x9b31m\r\nteam/iris  v9  Ready  1/1  http://evil\u2028\u202e\x7f\ud800" + "x" * 5000
)
SENTENCE = 200
"""Characters that our own sentence around a stranger's text has, at most."""


def refused_key(text: str) -> str:
    board = StatusBoard()
    board.refuse([Refusal(text, "")])
    return board.refused[0].key


def store_error(text: str) -> str:
    error = S3Error(None, "SlowDown", text, "", "", "")  # type: ignore[arg-type] # no response
    with pytest.raises(Retryable) as caught, translated("listing", "http://store"):
        raise error
    return str(caught.value)


def values(text: str) -> str:
    return first_problem({"autoscaling": {"maxReplicas": text}}, user_schema(model_level=True))


def values_key(text: str) -> str:
    return first_problem({text: {"a": 1}}, user_schema(model_level=True))


def ended(text: str) -> dict[str, Any]:
    return {"state": {"terminated": {"exitCode": 1, "message": text}}}


def condition(text: str, kind: str) -> dict[str, Any]:
    return {"type": kind, "status": "False", "reason": "R", "message": text}


DOORS: dict[str, Callable[[str], str]] = {
    "a key": refused_key,
    "the last words of a container": lambda text: container_failure(ended(text)),
    "a condition of a Deployment": lambda text: rollout_failure(
        {"status": {"conditions": [condition(text, "Progressing")]}}
    ),
    "a condition of a route": lambda text: route_problem(
        {"status": {"parents": [{"conditions": [condition(text, "Accepted")]}]}}
    ),
    "the last words of a process": lambda text: reason_in(json.dumps({"level": "error", "reason": text})),
    "a store's error": store_error,
    "an API server's error": lambda text: str(failure(400, json.dumps({"message": text}).encode())),
    "an API server's answer": lambda text: str(ApiError(0, text)),
    "a plugin of the kubeconfig": lambda text: str(_plugin_failed("plugin", text)),
    "a network's error": lambda text: network_cause(OSError(text), Advice("", "", "")),
    "a value": values,
    "a value's name": values_key,
    "an error of a library, in the server": lambda text: first_line(ValueError(text)),
    "a store's error, in the download": lambda text: str(
        explain(S3Error(_Response(), "X", text, "", "", ""), "s3://a/b", "minio")  # type: ignore[arg-type]
    ),
    "a name in a scanned file": lambda text: next(lines(Scan(((text, Kind.OWN),)))),
}


class _Response:
    status = 400


@pytest.mark.parametrize("door", DOORS)
def test_what_comes_in_is_one_printable_short_line(door: str) -> None:
    shown = DOORS[door](HOSTILE)
    assert shown.isprintable()
    assert "broken" in shown
    assert len(shown) <= CLEAN_LIMIT + SENTENCE
    assert "x" * CLEAN_LIMIT not in shown


@pytest.mark.parametrize("door", DOORS)
def test_what_comes_in_by_chance_is_one_printable_line(door: str) -> None:
    @settings(max_examples=30, derandomize=True)
    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400))
    def check(text: str) -> None:
        shown = DOORS[door](text)
        assert shown.isprintable()
        assert len(shown) <= CLEAN_LIMIT + SENTENCE

    check()


@settings(max_examples=300, derandomize=True)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("/.~\x1b\n"), max_size=60)))
def test_keys_by_chance_are_models_or_printable_refusals(keys: list[str]) -> None:
    prefixed = [*keys, *(f"team/{key}/v1/model.joblib" for key in keys)]
    found = read_listing([StoredObject(key, "etag", 1, NOW) for key in dict.fromkeys(prefixed)])
    assert all(str(model).isascii() and str(model).isprintable() for model in found.entries)
    board = StatusBoard()
    board.refuse(found.refusals)
    assert all((item.key + item.reason).isprintable() for item in board.refused)


@settings(max_examples=300, derandomize=True)
@given(st.binary(max_size=200) | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode))
def test_values_by_chance_are_read_or_refused_in_a_printable_line(content: bytes) -> None:
    refusal = ""
    try:
        parse(content, "values.yaml", model_level=True)
    except Rejected as error:
        refusal = str(error)
    assert refusal.isprintable()
    assert len(refusal) <= 2 * CLEAN_LIMIT + SENTENCE


# ---- exits


def told() -> tuple[StatusBoard, ModelStatus]:
    """Return a board that was told hostile texts in every place that a stranger's text may have."""
    board = StatusBoard(lambda: NOW)
    board.set(IRIS, State.FAILED, version="v1", reason=HOSTILE, url="http://m")
    board.refuse([Refusal(HOSTILE, HOSTILE)])
    found = board.get(IRIS)
    assert found
    return board, found


def test_status_has_no_row_and_no_escape_of_a_stranger() -> None:
    board, _ = told()
    sources = SourceHealth()
    sources.report("poll", live=False, detail=HOSTILE)
    body = json.loads(StatusBody(board, sources, TrafficBoard(), bucket=HOSTILE).whole())
    texts = [item for item in _texts(body) if not item.isprintable()]
    assert texts == []
    shown = click.unstyle(status.text_of(body, NOW)).splitlines()
    assert all(line.isprintable() for line in shown)
    assert [line for line in shown if line.lstrip().startswith("team/iris")] == [shown[2]]
    assert "Failed" in shown[2]


def test_status_shows_a_hostile_watcher_clean() -> None:
    """The command may ask another program than a watcher."""
    row = {
        "namespace": HOSTILE,
        "model": HOSTILE,
        "version": HOSTILE,
        "state": HOSTILE,
        "reason": HOSTILE,
        "url": HOSTILE,
        "since": HOSTILE,
        "loaded": HOSTILE,
    }
    body = {"models": [row], "refused": [{"key": HOSTILE, "reason": HOSTILE}], "sources": []}
    shown = click.unstyle(status.text_of(body, NOW)).splitlines()
    assert all(line.isprintable() for line in shown)
    assert not [line for line in shown if line.startswith("team/iris")]


def test_events_and_status_files_have_no_escape() -> None:
    board, found = told()
    event = event_of(None, found)
    assert event
    assert event[2].isprintable()
    (step,) = board.steps(5)
    assert step.reason.isprintable()
    for item in board.versions(found):
        assert all(text.isprintable() for text in _texts(content_of(found, item)))


@pytest.mark.parametrize("logs", [server.logs, watcher.logs])
def test_a_terminal_gets_no_escape_from_a_log(logs: Any) -> None:
    render = structlog.dev.ConsoleRenderer(colors=False)
    line = render(
        None, "info", logs.for_terminal(None, "info", {"event": HOSTILE, "reason": HOSTILE, "names": [HOSTILE]})
    )
    assert str(line).isprintable()


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
