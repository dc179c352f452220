"""The local runtime: ports on real sockets, and replicas of a stand-in for `python -m server`."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import urllib3

from watcher.core.types import (
    ETAG,
    FINGERPRINT,
    S3_PATH,
    VERSION,
    Change,
    ModelId,
    ModelVersion,
    Release,
    State,
    StoredObject,
)
from watcher.errors import Rejected
from watcher.runtimes.local import LocalRuntime, replica
from watcher.runtimes.local.forwarder import FIRST_PORT, PORTS, Forwarder, bind, preferred_port
from watcher.runtimes.local.runtime import KIND

IRIS = ModelId("team", "iris")

DOWNLOAD = """
import os, pathlib, sys
option = dict(zip(sys.argv[1::2], sys.argv[2::2]))
folder = pathlib.Path(option["--to"])
(folder / "download-env").write_text(" ".join(os.environ))
text = pathlib.Path(option["--source"].removeprefix("file://")).read_text()
if text == "unreadable":
    pathlib.Path(os.environ["KUBESERVE_TERMINATION_LOG"]).write_text("the object has changed")
    sys.exit(1)
(folder / "model.joblib").write_text(text)
"""

SERVER = """
import http.server, os, pathlib, sys, threading
option = dict(zip(sys.argv[1::2], sys.argv[2::2]))
text = pathlib.Path(option["--model"]).read_text()
if text == "broken":
    sys.exit("first line\\nit cannot be unpickled")
if text == "stubborn":
    import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = {"/pid": str(os.getpid()), "/env": " ".join(os.environ)}.get(self.path, text).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *_): pass
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
http.server.ThreadingHTTPServer((option["--host"], int(option["--port"])), Handler).serve_forever()
"""


def eventually(look: Callable[[], Any], seconds: float = 8) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "too late"
        time.sleep(0.02)
    return found


class Echo:
    """A server on a free port that answers each line with its own name before it."""

    def __init__(self, name: bytes) -> None:
        self._name, self._sock = name, socket.create_server(("127.0.0.1", 0))
        self.port = self._sock.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._sock.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as file:
            for line in file:
                file.write(self._name + b" " + line)
                file.flush()
            file.write(b"end of " + self._name)

    def close(self) -> None:
        self._sock.close()


@pytest.fixture
def forwarder() -> Iterator[Forwarder]:
    made = Forwarder()
    yield made
    made.stop()


@pytest.fixture
def echoes() -> Iterator[tuple[Echo, Echo]]:
    both = Echo(b"old"), Echo(b"new")
    yield both
    for echo in both:
        echo.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def ask(connection: socket.socket, line: bytes = b"hello\n") -> bytes:
    connection.sendall(line)
    return connection.recv(100)


def test_a_port_is_the_models_own_and_below_the_ephemeral_range() -> None:
    assert preferred_port(IRIS) == preferred_port(ModelId("team", "iris"))
    assert all(FIRST_PORT <= preferred_port(ModelId("a", str(n))) < FIRST_PORT + PORTS for n in range(500))


def test_a_taken_port_gives_the_next_one_and_the_last_wraps_around() -> None:
    with bind(FIRST_PORT + PORTS - 1) as last, bind(FIRST_PORT + PORTS - 1) as after:
        assert last.getsockname()[1] > after.getsockname()[1] >= FIRST_PORT


def test_new_connections_go_to_the_new_target_and_open_ones_stay(
    forwarder: Forwarder, echoes: tuple[Echo, Echo]
) -> None:
    port = forwarder.point(IRIS, echoes[0].port)
    with connect(port) as before:
        assert ask(before) == b"old hello\n"
        assert forwarder.point(IRIS, echoes[1].port) == port
        with connect(port) as after:
            assert ask(after) == b"new hello\n"
        assert ask(before) == b"old hello\n"


def test_a_client_that_has_finished_sending_still_gets_its_answer(
    forwarder: Forwarder, echoes: tuple[Echo, Echo]
) -> None:
    with connect(forwarder.point(IRIS, echoes[0].port)) as connection:
        assert ask(connection) == b"old hello\n"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b"end of old"
        assert connection.recv(100) == b""


def test_a_target_that_refuses_closes_the_connection(forwarder: Forwarder, echoes: tuple[Echo, Echo]) -> None:
    port = forwarder.point(IRIS, replica.free_port())
    with connect(port) as connection:
        assert connection.recv(100) == b""


def test_a_closed_model_refuses_and_its_port_can_be_had_again(forwarder: Forwarder, echoes: tuple[Echo, Echo]) -> None:
    port = forwarder.point(IRIS, echoes[0].port)
    forwarder.close(IRIS)
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    assert forwarder.point(IRIS, echoes[1].port) == port


def test_stop_ends_open_connections(echoes: tuple[Echo, Echo]) -> None:
    forwarder = Forwarder()
    with connect(forwarder.point(IRIS, echoes[0].port)) as connection:
        assert ask(connection) == b"old hello\n"
        forwarder.stop()
        assert connection.recv(100) == b""


def test_a_server_gets_neither_the_stores_credentials_nor_the_watchers_token() -> None:
    env = {
        "AWS_SECRET_ACCESS_KEY": "s",
        "KUBESERVE_WEBHOOK_TOKEN": "t",
        "KUBESERVE_SERVER_MAX_BODY_SIZE": "1",
        "A": "b",
    }
    assert replica.without_secrets(env) == {"KUBESERVE_SERVER_MAX_BODY_SIZE": "1", "A": "b"}


class Local:
    """A runtime of stand-ins in a folder, and its hints."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.hints = folder, folder / "state", list[ModelId]()
        source = lambda key: f"file://{folder / key}"  # noqa: E731 - the shape compose.py gives it
        self.runtime = LocalRuntime(self.state, source, (), {"AWS_SECRET_ACCESS_KEY": "s"}, self.hints.append)

    def release(self, version: str, text: str) -> Release:
        (self.folder / version).write_text(text)
        stored = StoredObject(version, f"etag of {text}", len(text), datetime.now(UTC))
        return Release(ModelVersion(IRIS, version, stored), {"replicas": 3})

    def apply(self, version: str, text: str) -> None:
        release = self.release(version, text)
        self.runtime.apply(Change(IRIS, writes=tuple(self.runtime.render(release))))

    def look(self) -> Any:
        return self.runtime.observe(IRIS).models.get(IRIS)

    def until(self, state: State, version: str) -> Any:
        return eventually(lambda: (o := self.look()) and (o.state, o.version) == (state, version) and o)

    def get(self, path: str = "/") -> str:
        return urllib3.request("GET", self.look().url + path, timeout=5, retries=False).data.decode()

    def folders(self) -> list[Path]:
        return sorted(self.state.glob("*/*/*"))


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Local]:
    package = tmp_path / "stand-in" / "server"
    package.mkdir(parents=True)
    for name, text in {"__init__": "", "download": DOWNLOAD, "__main__": SERVER}.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.chdir(package.parent)  # `python -m` looks in the working directory first
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setattr(replica, "retry_delay", lambda _: 0.0)
    made = Local(tmp_path)
    yield made
    made.runtime.close()


def test_a_manifest_says_all_that_matters_and_is_the_same_each_time(local: Local) -> None:
    (manifest,) = local.runtime.render(local.release("v1", "one"))
    assert local.runtime.render(local.release("v1", "one")) == [manifest]
    annotations = manifest["metadata"]["annotations"]
    assert (manifest["kind"], annotations[VERSION], annotations[ETAG]) == (KIND, "v1", "etag of one")
    assert annotations[S3_PATH] == manifest["spec"]["source"]
    (other,) = local.runtime.render(local.release("v1", "other bytes"))
    assert other["metadata"]["annotations"][FINGERPRINT] != annotations[FINGERPRINT]


def test_it_serves_rolls_and_removes(local: Local) -> None:
    local.apply("v1", "one")
    assert local.look().state is State.PROGRESSING
    url = local.until(State.READY, "v1").url
    assert local.get() == "one"
    assert "AWS_" not in local.get("/env")
    assert "AWS_SECRET_ACCESS_KEY" in (local.folders()[0] / "download-env").read_text()
    local.apply("v2", "two")
    assert "v1 keeps serving" in local.look().reason
    assert local.until(State.READY, "v2").url == url
    assert local.get() == "two"
    assert local.hints == [IRIS, IRIS]
    eventually(lambda: len(local.folders()) == 1)
    local.runtime.apply(Change(IRIS, remove=True))
    assert local.look() is None
    eventually(lambda: not (local.state / "team").exists())
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", url, retries=False)


@pytest.mark.parametrize(
    ("text", "reason"), [("broken", "it cannot be unpickled"), ("unreadable", "the object has changed")]
)
def test_a_version_that_fails_says_why_and_a_rollback_drops_it(local: Local, text: str, reason: str) -> None:
    local.apply("v1", "one")
    local.until(State.READY, "v1")
    pid = local.get("/pid")
    local.apply("v2", text)
    assert local.until(State.FAILED, "v2").reason == f"{reason}; v1 keeps serving"
    local.hints.clear()
    local.apply("v1", "one")
    assert local.look().state is State.READY
    assert local.hints
    assert local.get("/pid") == pid
    eventually(lambda: len(local.folders()) == 1)
    local.apply("v2", "mended")
    local.until(State.READY, "v2")
    assert local.get() == "mended"


def test_a_server_that_dies_restarts_even_while_another_version_fails_and_its_source_is_gone(local: Local) -> None:
    local.apply("v1", "one")
    local.until(State.READY, "v1")
    pid = local.get("/pid")
    local.apply("v2", "broken")
    local.until(State.FAILED, "v2")
    (local.folder / "v1").unlink()
    os.kill(int(pid), 9)

    def answers() -> bool:
        try:
            return local.get("/pid") != pid
        except urllib3.exceptions.HTTPError:
            return False

    eventually(answers)


def test_applying_the_same_twice_changes_nothing(local: Local) -> None:
    local.apply("v1", "one")
    local.apply("v1", "one")
    local.until(State.READY, "v1")
    assert len(local.folders()) == 1


def test_close_leaves_no_process_even_when_servers_ignore_it(local: Local) -> None:
    for name in ("a", "b"):
        release = local.release("v1", "stubborn")
        model = ModelId("team", name)
        manifests = local.runtime.render(Release(ModelVersion(model, "v1", release.version.artifact)))
        local.runtime.apply(Change(model, writes=tuple(manifests)))
    eventually(lambda: all(item.state is State.READY for item in local.runtime.observe().models.values()))
    pids = [urllib3.request("GET", item.url + "/pid").data for item in local.runtime.observe().models.values()]
    local.runtime.close()
    local.runtime.close()
    local.apply("v1", "too late")
    assert not [pid for pid in pids if Path(f"/proc/{int(pid)}").exists()]


def test_a_start_removes_what_an_earlier_run_left_and_nothing_of_a_persons(tmp_path: Path) -> None:
    stale = tmp_path / "team" / "iris" / "0123456789abcdef-7"
    stale.mkdir(parents=True)
    kept = tmp_path / "my" / "own" / "thesis.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("precious")
    LocalRuntime(tmp_path, str, (), {}, lambda _: None).close()
    assert not (tmp_path / "team").exists()
    assert kept.read_text() == "precious"


def test_a_state_directory_has_one_owner_and_the_second_harms_nothing(tmp_path: Path) -> None:
    first = LocalRuntime(tmp_path, str, (), {}, lambda _: None)
    served = tmp_path / "team" / "iris" / "0123456789abcdef-1"
    served.mkdir(parents=True)
    with pytest.raises(Rejected, match="is another watcher's"):
        LocalRuntime(tmp_path, str, (), {}, lambda _: None)
    assert served.exists()
    first.close()
    LocalRuntime(tmp_path, str, (), {}, lambda _: None).close()
