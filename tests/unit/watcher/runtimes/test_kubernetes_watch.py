"""The streams against an HTTP server that answers what no API server should, or nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from watcher.core.types import ModelId, ObjectKey, Store
from watcher.runtimes.kubernetes import watch
from watcher.runtimes.kubernetes.api import connect
from watcher.runtimes.kubernetes.cluster_cache import ClusterCache, never
from watcher.runtimes.kubernetes.observing import Observer
from watcher.runtimes.kubernetes.watch import ClusterWatch

from .manifests import live
from .stub_api_server import Answer, StubApiServer, kubeconfig, stub

IRIS = ModelId("team", "iris")
KINDS = {"services": "Service", "pods": "Pod"}


class Health:
    """What the watch reports: True, or why it is not live."""

    def __init__(self) -> None:
        self.said: list[bool | str] = []

    def up(self, detail: str = "") -> bool:
        return self._say(True)

    def down(self, reason: str) -> bool:
        return self._say(reason)

    def _say(self, said: bool | str) -> bool:
        is_new = self.said[-1:] != [said]
        self.said += [said] if is_new else []
        return is_new


class Served:
    """An API server with one Service, whose streams of Services send `lines`, one text for each stream in turn."""

    def __init__(self, *lines: bytes, status: int = 200) -> None:
        self.lines, self.status, self.lists = list(lines), status, 0
        self.ended = threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler) -> Answer | None:
        path, _, query = handler.path.partition("?")
        kind = KINDS[path.rpartition("/")[2]]
        if "watch=1" in query:
            return self._stream(handler, kind)
        self.lists += kind == "Service"
        items = [{**live(), "kind": None}] if kind == "Service" else []
        return 200, as_json({"kind": f"{kind}List", "metadata": {"resourceVersion": "5"}, "items": items})

    def _stream(self, handler: BaseHTTPRequestHandler, kind: str) -> Answer | None:
        if self.status != 200:
            return self.status, as_json({"message": "services is forbidden: cannot watch"})
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        if kind == "Service" and self.lines:
            handler.wfile.write(self.lines.pop(0))
            if self.lines:
                return None
        self.ended.wait(60)
        return None


def as_json(document: Any) -> bytes:
    return json.dumps(document).encode()


def event(kind: str, item: Any) -> bytes:
    return as_json({"type": kind, "object": item}) + b"\n"


@contextmanager
def watching(served: Served, folder: Path) -> Iterator[tuple[ClusterCache, Health, list[ModelId], StubApiServer]]:
    changed: list[ModelId] = []
    with stub(served) as server:
        api = connect(kubeconfig(folder, server.url))
        cache = ClusterCache(Observer(Store("models", "minio:9000", secure=False), "models", "", ()))
        made, health = ClusterWatch(api, cache, kinds=["Service"], owners=["models"], namespaces=()), Health()
        made.subscribe(changed.append, health)
        made.start()
        try:
            yield cache, health, changed, server
        finally:
            made.stop()
            api.close()
            served.ended.set()
            for stream in made._streams:
                stream.join(30)
                assert not stream.is_alive()


def eventually(look: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not look():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "RECONNECT_INTERVAL", 0.01)
    monkeypatch.setattr(watch, "retry_delay", lambda *_: 0.01)


def objects(cache: ClusterCache) -> set[ObjectKey]:
    found = cache.get(IRIS, never)
    return set(found.objects) if found else set()


def test_list_and_events_fill_the_cache_and_name_the_models(tmp_path: Path) -> None:
    second = live(name="iris-model-serving", resourceVersion="6", annotations={"kubeserve.io/fingerprint": "2"})
    bookmark = event("BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    with watching(Served(event("MODIFIED", second) + bookmark, b""), tmp_path) as (cache, health, changed, server):
        eventually(lambda: "resourceVersion=9" in " ".join(path for _, path, _ in server.requests))
        assert health.said == ["connecting", True]
        assert changed == [IRIS, IRIS]
        found = cache.get(IRIS, never)
        assert found
        assert list(found.objects.values()) == ["2"]


def test_deletion_is_passed_on(tmp_path: Path) -> None:
    with watching(Served(event("DELETED", live(resourceVersion="6")), b""), tmp_path) as (cache, _, changed, _server):
        eventually(lambda: changed == [IRIS, IRIS])
        assert objects(cache) == set()


@pytest.mark.parametrize(
    "lines",
    [
        event("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"}),
        event("ERROR", {"kind": "Status", "code": 500, "message": "etcd"}),
        event("ERROR", "x"),
        event("STRANGE", live()),
        event("MODIFIED", {"metadata": {"name": 5}}),
        event("MODIFIED", None),
        event("BOOKMARK", {}),
        event("DELETED", {**live(), "spec": []}),
        b"<html>please log in</html>\n",
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
    ],
)
def test_stream_in_doubt_is_replaced_by_a_new_list(lines: bytes, tmp_path: Path) -> None:
    served = Served(lines, b"")
    with watching(served, tmp_path) as (cache, health, _, _server):
        eventually(lambda: served.lists == 2 and health.said[-1] is True)
        assert objects(cache) == {ObjectKey("Service", "iris-model-serving")}


class ServedInPages(Served):
    """Lists Services in two pages, and breaks off in the middle of the second one the first time."""

    def __call__(self, handler: BaseHTTPRequestHandler) -> Answer | None:
        if "/services" not in handler.path or "watch=1" in handler.path:
            return super().__call__(handler)
        if "continue=more" not in handler.path:
            metadata = {"resourceVersion": "5", "continue": "more"}
            return 200, as_json({"kind": "ServiceList", "metadata": metadata, "items": []})
        self.lists += 1
        if self.lists == 1:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b'{"kind": ')
            return None
        return super().__call__(handler)


def test_list_that_breaks_off_between_two_pages_is_made_anew_before_anything_is_followed(tmp_path: Path) -> None:
    served = ServedInPages()
    with watching(served, tmp_path) as (cache, health, _, server):
        eventually(lambda: health.said[-1] is True)
        assert objects(cache) == {ObjectKey("Service", "iris-model-serving")}
        services = [path for _, path, _ in server.requests if "/services" in path]
        assert ["watch=1" in path for path in services[:5]] == [False, False, False, False, True]


def test_line_without_an_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.runtimes.kubernetes.api.MAX_LINE", 1000)
    with watching(Served(b"x" * 5000, b""), tmp_path) as (_, health, _, _server):
        eventually(lambda: any("a line of more than 1000 bytes" in str(said) for said in health.said))
        eventually(lambda: health.said[-1] is True)


def test_stream_that_is_forbidden_is_shown_and_not_tried_again_at_once(tmp_path: Path) -> None:
    with watching(Served(status=403), tmp_path) as (_, health, _, server):
        eventually(lambda: len(health.said) > 1)
        assert "watching" in str(health.said[1])
        assert "services is forbidden: cannot watch" in str(health.said[1])
        time.sleep(0.2)
        assert len([path for _, path, _ in server.requests if "watch=1" in path]) <= 2


def test_stream_that_ends_at_once_without_a_line_is_not_live_and_lists_anew(tmp_path: Path) -> None:
    served = Served(b"", b"", b"")
    with watching(served, tmp_path) as (_, health, _changed, _server):
        eventually(lambda: served.lists == 3)
        eventually(lambda: health.said[-1] is True)
        assert "the stream ended at once, and said nothing" in str(health.said)


def test_stream_that_does_not_end_is_not_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SILENCE_SECONDS", 0.3)
    with watching(Served(), tmp_path) as (_, health, _, _server):
        eventually(lambda: any("0.3 s" in str(said) for said in health.said))


def test_streams_are_for_named_namespaces_or_for_all() -> None:
    def live_in(namespaces: tuple[str, ...], failing: str, asked: str) -> bool:
        api: Any = None
        made = ClusterWatch(api, ClusterCache(OBSERVER), kinds=[], owners=[], namespaces=namespaces)
        for stream in made._streams:
            stream.live = stream.namespace != failing
        return made.is_live(asked)

    assert live_in((), "none", "team")
    assert not live_in((), "", "team")
    assert live_in(("a", "b"), "b", "a")
    assert not live_in(("a", "b"), "b", "b")
    assert not live_in(("a", "b"), "none", "c")
    assert not live_in(("a", "b"), "none", "")


OBSERVER = Observer(Store("models", "minio:9000", secure=False), "models", "", ())
