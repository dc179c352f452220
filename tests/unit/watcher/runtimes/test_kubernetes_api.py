"""The adapter against an HTTP server that answers what no API server should, or nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.offline_signer import OfflineSigner
from watcher.core.types import Change, ModelId, ObjectKey, Store
from watcher.errors import Rejected, Retryable, WatcherError
from watcher.runtimes.kubernetes import api as kubernetes_api
from watcher.runtimes.kubernetes.answers import ApiError
from watcher.runtimes.kubernetes.api import Unreachable, connect
from watcher.runtimes.kubernetes.runtime import KubernetesRuntime

from .stub_api_server import Answer, kubeconfig, stub
from .test_kubernetes_runtime import RELEASE

IRIS = ModelId("a", "iris")
NAME = "iris-model-serving"
META = {
    "name": NAME,
    "namespace": "a",
    "uid": "1",
    "labels": {"kubeserve.io/owner": "models", "app.kubernetes.io/instance": "iris"},
}


def as_json(document: Any) -> bytes:
    return json.dumps(document).encode()


def in_every_kind(**changes: Any) -> Callable[[BaseHTTPRequestHandler], Answer]:
    """Answer with an object or list of the kind that was asked for, in which `changes` are wrong."""
    kinds = {"deployments": "Deployment", "services": "Service", "horizontalpodautoscalers": "HorizontalPodAutoscaler"}

    def answer(handler: BaseHTTPRequestHandler) -> Answer:
        path = handler.path.partition("?")[0]
        kind = next((kind for plural, kind in kinds.items() if plural in path), "APIGroup")
        if path.rpartition("/")[2] in kinds:
            return 200, as_json({"kind": f"{kind}List", "items": [{"metadata": META, **changes}]})
        return 200, as_json({"kind": kind, "metadata": META, "versions": [], **changes})

    return answer


def always(status: int, body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], Answer]:
    return lambda _: (status, body, headers)


def with_strange_containers(handler: BaseHTTPRequestHandler) -> Answer:
    """Answer with a Deployment that is not complete, and a pod that no check before the rollout's code rejects."""
    if "/pods" in handler.path:
        items = [{"metadata": META, "status": {"containerStatuses": [{"state": "x"}]}}]
        return 200, as_json({"kind": "PodList", "items": items})
    return in_every_kind()(handler)


MALFORMED: dict[str, Callable[[BaseHTTPRequestHandler], Answer | None]] = {
    "a page": always(200, b"<html>Sign in</html>"),
    "nothing": always(200, b""),
    "no content": always(204, b""),
    "half a document": always(200, b'{"kind": "DeploymentList", "items": [{"meta'),
    "not text": always(200, b"\xff\xfe\x00"),
    "deep nesting": always(200, b"[" * 100_000),
    "a list of JSON": always(200, b"[]"),
    "null": always(200, b"null"),
    "a number": always(200, b"5"),
    "a status": always(200, b'{"kind": "Status", "status": "Success"}'),
    "a map": always(200, b"{}"),
    "a list without items": always(200, as_json({"kind": "DeploymentList"})),
    "a list with a map of items": always(200, as_json({"kind": "DeploymentList", "items": {"a": 1}})),
    "a list of words": always(200, as_json({"kind": "DeploymentList", "items": ["iris"]})),
    "objects without metadata": in_every_kind(metadata=None),
    "objects without a name": in_every_kind(metadata={"namespace": "a"}),
    "labels that are a list": in_every_kind(metadata={**META, "labels": ["x"]}),
    "annotations that are numbers": in_every_kind(metadata={**META, "annotations": {"kubeserve.io/s3-path": 5}}),
    "a spec that is a word": in_every_kind(spec="x"),
    "replicas that are a word": in_every_kind(spec={"replicas": "many"}),
    "a status that is a list": in_every_kind(status=[]),
    "conditions that are words": in_every_kind(status={"conditions": ["x"]}),
    "a state that is a word": with_strange_containers,
    "a group without versions": in_every_kind(versions=None, metadata=None),
    "a redirect": always(302, b"", Location="https://login.example/"),
    "a redirect without a place": always(301, b""),
    "too many requests": always(429, b'{"message": "too many requests"}', **{"Retry-After": "600"}),
    "overloaded": always(503, b"<html>busy</html>", **{"Retry-After": "600"}),
    "an error with a strange message": always(500, b'{"message": {"a": 1}}'),
    "an error that is a list": always(403, b"[1]"),
    "an unauthorized page": always(401, b"<html>401</html>"),
    "a switch of protocols": always(418, b""),
}

OPERATIONS: dict[str, Callable[[KubernetesRuntime], object]] = {
    "a survey": lambda runtime: runtime.observe(),
    "an observation": lambda runtime: runtime.observe(IRIS),
    "rendering": lambda runtime: runtime.render(RELEASE),
    "a write": lambda runtime: runtime.apply(
        Change(IRIS, ({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": META, "spec": {}},))
    ),
    "a renewal": lambda runtime: runtime.apply(Change(IRIS, renew=True)),
    "a deletion": lambda runtime: runtime.apply(Change(IRIS, deletes=(ObjectKey("Service", NAME),))),
    "a removal": lambda runtime: runtime.apply(Change(IRIS, remove=True)),
}
DOES_NOT_READ = {"a deletion", "a removal"}
"""Of their answers only the status counts, and that it is a JSON object."""
HARMLESS = {"a state that is a word": frozenset({"rendering", "a write"})} | dict.fromkeys(
    (
        *("objects without metadata", "objects without a name", "labels that are a list"),
        *("annotations that are numbers", "a spec that is a word", "replicas that are a word"),
        *("a status that is a list", "conditions that are words"),
    ),
    frozenset({"rendering"}),
)
"""The operations that do not read what is malformed."""


def sentence_of(operation: Callable[[KubernetesRuntime], object], runtime: KubernetesRuntime) -> str:
    """Return the text of the `WatcherError` that the operation raises, "" if it raises none."""
    try:
        operation(runtime)
    except WatcherError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("what", MALFORMED)
def test_runtime_with_a_malformed_answer_raises_one_sentence_from_every_operation(what: str, tmp_path: Path) -> None:
    with stub(MALFORMED[what]) as server:
        store = Store("models", "minio:9000", secure=False)
        runtime = KubernetesRuntime(connect(kubeconfig(tmp_path, server.url)), store, "models", OfflineSigner())
        begun = time.monotonic()
        for name, operation in OPERATIONS.items():
            sentence = sentence_of(operation, runtime)
            assert sentence or name in DOES_NOT_READ | HARMLESS.get(what, frozenset()), name
            assert len(sentence) < 2000
            assert sentence.isprintable()
        assert time.monotonic() - begun < 20
        runtime.close()


def test_call_with_an_answer_that_is_too_large_or_too_slow_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        pause, size = (0.05, 1) if "slow" in handler.path else (0, 1 << 16)
        while True:
            handler.wfile.write(b"x" * size)
            time.sleep(pause)

    monkeypatch.setattr(kubernetes_api, "MAX_ANSWER", 1 << 20)
    monkeypatch.setattr(kubernetes_api, "CALL_SECONDS", 1)
    with stub(endless) as server:
        api = connect(kubeconfig(tmp_path, server.url))
        with pytest.raises(Unreachable, match="larger than 1 MiB"):
            api.call("GET", "/large")
        with pytest.raises(Unreachable, match="no complete answer within 1 s"):
            api.call("GET", "/slow")
        api.close()


def test_items_that_never_end_raise(tmp_path: Path) -> None:
    page = {"kind": "PodList", "items": [], "metadata": {"continue": "more"}}
    with stub(always(200, as_json(page))) as server:
        api = connect(kubeconfig(tmp_path, server.url))
        with pytest.raises(ApiError, match="does not end"):
            api.items("/api/v1/pods", "Pod", "a=b")
        api.close()


def test_items_of_several_pages_are_returned_together(tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> Answer:
        number = 1 + handler.path.count("continue=two") + 2 * handler.path.count("continue=three")
        items = [{"metadata": {"name": f"n{number}", "namespace": "a"}}]
        token = {1: "two", 2: "three"}.get(number, "")
        return 200, as_json({"kind": "PodList", "items": items, "metadata": {"continue": token}})

    with stub(answer) as server:
        api = connect(kubeconfig(tmp_path, server.url))
        found = api.items("/api/v1/pods", "Pod", "a=b")
        assert [(item["kind"], item["metadata"]["name"]) for item in found] == [(("Pod"), f"n{n}") for n in (1, 2, 3)]
        assert all("limit=500" in path and "labelSelector=a%3Db" in path for _, path, _ in server.requests)
        api.close()


def needs(good: str) -> Callable[[BaseHTTPRequestHandler], Answer]:
    def answer(handler: BaseHTTPRequestHandler) -> Answer:
        if handler.headers["Authorization"] == f"Bearer {good}":
            return 200, b"{}"
        return 401, b'{"kind": "Status", "message": "Unauthorized"}'

    return answer


@pytest.mark.parametrize("kind", ["tokenFile", "exec", "kubeconfig"])
def test_call_after_a_rotation_of_the_token_reads_it_again(kind: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")
    plugin = tmp_path / "plugin"
    plugin.write_text(
        '#!/bin/sh\nprintf \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
        f'"status":{{"token":"%s"}}}}\' $(cat {token})\n'
    )
    plugin.chmod(0o755)
    users: dict[str, dict[str, Any]] = {
        "tokenFile": {"tokenFile": str(token)},
        "exec": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}},
        "kubeconfig": {"token": "old"},
    }
    with stub(needs("new")) as server:
        path = kubeconfig(tmp_path, server.url, users[kind])
        api = connect(path)
        api._loaded_at = float("-inf")
        token.write_text("new\n")
        if kind == "kubeconfig":
            kubeconfig(tmp_path, server.url, {"token": "new"})
        assert api.call("GET", "/x") == {}
        assert [sent for _, _, sent in server.requests] == ["Bearer old", "Bearer new"]
        api.close()


def test_call_with_rejected_credentials_reads_them_again_at_most_every_few_seconds(tmp_path: Path) -> None:
    with stub(needs("another")) as server:
        path = kubeconfig(tmp_path, server.url)
        clock = [1000.0]
        loads: list[float] = []

        def load() -> Any:
            loads.append(clock[0])
            return kubernetes_api.load(path)

        api = kubernetes_api.Api(load, now=lambda: clock[0])
        for clock[0] in (1000.0, 1001.0, 1004.0, 1006.0, 1007.0):
            with pytest.raises(ApiError, match="Unauthorized"):
                api.call("GET", "/x")
        assert loads == [1000.0, 1006.0]
        api.close()


def test_call_with_a_failing_plugin_says_why_and_recovers(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text("#!/bin/sh\necho 'the session has expired: log in' >&2\nexit 3\n")
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    with stub(needs("good")) as server:
        api = connect(kubeconfig(tmp_path, server.url, user))
        with pytest.raises(Retryable, match="plugin failed: exit code 3: the session has expired: log in"):
            api.call("GET", "/x")
        assert server.requests == []
        status = '{"apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "good"}}'
        plugin.write_text(f"#!/bin/sh\necho '{status}'\n")
        api._loaded_at = float("-inf")
        assert api.call("GET", "/x") == {}
        api.close()


def test_connect_without_a_kubeconfig_raises_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="does not exist; set KUBECONFIG or --kubeconfig"):
        connect(str(tmp_path / "missing"))


@pytest.mark.parametrize("where", ["before the headers", "within the body"])
def test_close_ends_a_call_in_progress_at_once_and_later_ones(where: str, tmp_path: Path) -> None:
    arrived, ended = threading.Event(), threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        if where == "within the body":
            handler.send_response(200)
            handler.send_header("Content-Length", "100")
            handler.end_headers()
            handler.wfile.write(b"{")
            handler.wfile.flush()
        arrived.set()
        ended.wait(60)

    raised: list[str] = []
    with stub(hang) as server:
        api = connect(kubeconfig(tmp_path, server.url))

        def call() -> None:
            try:
                api.call("GET", "/x")
            except Unreachable as error:
                raised.append(str(error))

        thread = threading.Thread(target=call)
        thread.start()
        assert arrived.wait(60)
        time.sleep(0.2)  # until the client waits for more
        begun = time.monotonic()
        api.close()
        thread.join(60)
        assert time.monotonic() - begun < 30  # half of what the server would wait
        call()
        assert len(raised) == 2
        assert all("the client is closed" in text for text in raised)
        ended.set()
