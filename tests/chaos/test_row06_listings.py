"""Row 6: a store that lists nothing, half, for ever, or refuses: nothing is removed, and it is said."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.integration.driving import eventually

from .meddler import Answer, Lost, Request, holding
from .rows import record
from .scene import Scene, after_surveys, source

NAMES = ("a", "b", "c")
XML = {"Content-Type": "application/xml"}
ERROR = '<?xml version="1.0"?><Error><Code>{}</Code><Message>no</Message><Resource>/</Resource></Error>'


def is_listing(request: Request) -> bool:
    return "list-type=2" in request.path or "list-type=2" in request.path.replace("%3D", "=")


def refused(status: int, code: str) -> Callable[[Request], Answer]:
    return lambda _: (status, XML, ERROR.format(code).encode())


def lost(_: Request) -> Answer:
    raise Lost


BEFORE: dict[str, Callable[[Request], Answer]] = {
    "access is denied": refused(403, "AccessDenied"),
    "the bucket is deleted": refused(404, "NoSuchBucket"),
    "an internal error": refused(500, "InternalError"),
    "slow down": refused(503, "SlowDown"),
    "a page of HTML": lambda _: (200, {"Content-Type": "text/html"}, b"<html><body>log in</body></html>"),
    "an empty answer": lambda _: (200, XML, b""),
    "no answer": lost,
}


def emptied(answer: Answer) -> Answer:
    status, headers, body = answer
    return status, headers, re.sub(rb"<(Contents|CommonPrefixes)>.*</\1>", b"", body, flags=re.DOTALL)


def cut(answer: Answer) -> Answer:
    return *answer[:2], answer[2][: len(answer[2]) // 2]


def endless(answer: Answer) -> Answer:
    """Say that there is another page, again and again the same."""
    status, headers, body = answer
    body = body.replace(b"<IsTruncated>false", b"<NextContinuationToken>more</NextContinuationToken><IsTruncated>true")
    return status, headers, body


AFTER: dict[str, Callable[[Answer], Answer]] = {
    "half of the XML": cut,
    "a listing that never ends": endless,
    "suddenly an empty bucket": emptied,
}


@pytest.fixture
def served(scene: Scene) -> Scene:
    for name in NAMES:
        scene.put(f"{name}/v1/model.joblib")
    return scene


def test_listing_that_is_wrong_removes_nothing_and_is_reported(served: Scene) -> None:
    scene = served
    with scene.watcher("--no-listen-stream", "--poll-interval", "0.2", "--removal-delay", "0") as watcher:
        eventually(lambda: all(scene.is_up(name) for name in NAMES))
        after_surveys(watcher, 2)
        before = scene.identities()

        def survives(reported: Callable[[], bool]) -> None:
            eventually(reported)
            after_surveys(watcher, 3, "ok" if source(watcher, "poll")["live"] else "error")
            assert scene.identities() == before
            scene.store.leave_alone()
            eventually(lambda: source(watcher, "poll")["live"] and watcher.state("a") not in {"Held", "Waiting"})

        for answer in BEFORE.values():
            scene.store.before = lambda request, answer=answer: answer(request) if is_listing(request) else None  # type: ignore[misc]
            survives(lambda: not source(watcher, "poll")["live"])
        for change in AFTER.values():
            scene.store.after = lambda request, answer, change=change: change(answer) if is_listing(request) else answer  # type: ignore[misc]
            survives(lambda: not source(watcher, "poll")["live"] or watcher.state("a") == "Held")
        after_surveys(watcher, 2)
        assert scene.identities() == before
        scene.put("a/v2/model.joblib")
        eventually(lambda: scene.cluster.version("a") == "v2")
    kinds = len(BEFORE) + len(AFTER) + 1
    record(6, "wrong listings", f"{kinds} kinds: no object removed or written, each reported, converged afterwards")


def test_listing_that_fails_at_its_second_page_removes_nothing(served: Scene) -> None:
    scene = served
    with scene.watcher("--no-listen-stream", "--poll-interval", "0.2", "--removal-delay", "0") as watcher:
        eventually(lambda: all(scene.is_up(name) for name in NAMES))
        before = scene.identities()

        def first_page_alone(request: Request, answer: Answer) -> Answer:
            return endless(emptied(answer)) if is_listing(request) else answer

        def no_second_page(request: Request) -> Answer | None:
            return refused(500, "InternalError")(request) if "continuation-token=more" in request.path else None

        scene.store.before, scene.store.after = no_second_page, first_page_alone
        after_surveys(watcher, 3, "error")
        assert scene.identities() == before


def test_store_that_holds_every_listing_is_reported_and_removes_nothing(served: Scene) -> None:
    scene = served
    with holding() as hold, scene.watcher("--no-listen-stream", "--poll-interval", "0.2") as watcher:
        eventually(lambda: all(scene.is_up(name) for name in NAMES))
        before = scene.identities()
        scene.store.before = hold
        eventually(lambda: not source(watcher, "poll")["live"])
        assert scene.identities() == before
