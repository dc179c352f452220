"""The local runtime, with stand-ins for `python -m server.download` and `python -m server`."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import urllib3

from watcher.core import chart
from watcher.core.types import (
    ETAG,
    FINGERPRINT,
    S3_PATH,
    VERSION,
    Change,
    ModelId,
    ModelVersion,
    Pods,
    Release,
    State,
    StoredObject,
)
from watcher.errors import Rejected
from watcher.runtimes.local import LocalRuntime, output, replica
from watcher.runtimes.local.runtime import KIND

IRIS = ModelId("team", "iris")

DOWNLOAD = """
import os, pathlib, sys
option = dict(zip(sys.argv[1::2], sys.argv[2::2]))
folder = pathlib.Path(option["--to"])
(folder / "download-env").write_text(" ".join(os.environ))
text = pathlib.Path(option["--source"].removeprefix("file://")).read_text()
if text == "unreadable":
    sys.exit('{"level": "error", "reason": "the object has changed"}')
(folder / "model.joblib").write_text(text)
"""

INSTALL = """
import os, pathlib, sys
option = dict(zip(sys.argv[1::2], sys.argv[2::2]))
folder = pathlib.Path(option["--model"])
(folder / "install-env").write_text(" ".join(os.environ))
(folder / "install-options").write_text(" ".join(sys.argv[1:]))
if folder.joinpath("model.joblib").read_text() == "refused":
    print('{"level": "error", "reason": "requirements.txt, line 1: no"}', flush=True)
    sys.exit(65)
"""

SERVER = """
import http.server, os, pathlib, socket, sys, threading
option = dict(zip(sys.argv[1::2], sys.argv[2::2]))
text = pathlib.Path(option["--model"]).read_text()
if text == "broken":
    sys.exit("first line\\nit cannot be unpickled")
log = pathlib.Path(option["--model"]).with_name("log")
if text.startswith("replaces"):
    how = {
        "replaces by pipes": os.mkfifo,
        "replaces by folders": os.mkdir,
        "replaces by links": lambda path: os.symlink("/proc/self/environ", path),
    }[text]
    os.unlink(log)
    how(log)
    sys.exit("the true reason")
if text == "chatty":
    os.write(1, b'\\n{"level": "error", "reason": "ok\\\\u001b[2J\\\\nfake line\\\\u202e"}\\n')
    sys.exit(1)
if text == "prints without end":
    threading.Thread(target=lambda: [os.write(1, b"x" * 65536) for _ in iter(int, 1)], daemon=True).start()
if text == "sleeper":
    import time; time.sleep(600)
if text == "crashes when it has loaded":
    import time; time.sleep(0.8)
if text == "stubborn":
    import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = {"/pid": os.getpid(), "/env": " ".join(os.environ), "/bytecode": not sys.dont_write_bytecode}
        answer = str(known.get(self.path, text)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        try:
            self.wfile.write(answer)
        except BrokenPipeError:  # the health check does not read the body
            pass
        if text == "crashes when it has loaded":
            os._exit(1)
    def log_message(self, *_): pass
if text != "stubborn":
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket = socket.socket(fileno=int(option["--fd"]))
server.serve_forever()
"""


def eventually(look: Callable[[], Any], seconds: float = 8) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "too late"
        time.sleep(0.02)
    return found


def test_without_secrets_neither_keys_of_the_store_nor_the_watchers_token_remain() -> None:
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

    def release(self, version: str, text: str, *, requirements: bool = False) -> Release:
        (self.folder / version).write_text(text)
        stored = StoredObject(version, f"etag of {text}", len(text), datetime.now(UTC))
        file = replace(stored, key="requirements.txt", etag="r") if requirements else None
        return Release(ModelVersion(IRIS, version, stored, file), {"replicas": 3})

    def apply(self, version: str, text: str, *, requirements: bool = False) -> None:
        release = self.release(version, text, requirements=requirements)
        self.runtime.apply(Change(IRIS, writes=tuple(self.runtime.render(release))))

    def look(self) -> Any:
        return self.runtime.observe(IRIS).models.get(IRIS)

    def until(self, state: State, version: str) -> Any:
        return eventually(lambda: (o := self.look()) and (o.state, o.version) == (state, version) and o)

    def get(self, path: str = "/") -> str:
        return urllib3.request("GET", self.look().url + path, timeout=5, retries=False).data.decode()

    def folders(self) -> list[Path]:
        return sorted(self.state.glob("*/*/*"))

    def contents(self, version: str) -> set[str]:
        """Return the names in the folders of this version's replicas."""
        folders = [file.parent for file in self.state.glob("*/*/*/version") if file.read_text() == version]
        return {path.name for folder in folders for path in folder.iterdir()}


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Local]:
    package = tmp_path / "stand-in" / "server"
    package.mkdir(parents=True)
    for name, text in {"__init__": "", "download": DOWNLOAD, "install": INSTALL, "__main__": SERVER}.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.chdir(package.parent)  # `python -m` looks in the working directory first
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setattr(replica, "retry_delay", lambda _failures: 0.0)
    made = Local(tmp_path)
    yield made
    made.runtime.close()


def test_runtime_a_model_that_loads_slowly_and_then_crashes_is_restarted_ever_later(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[int] = []
    monkeypatch.setattr(replica, "retry_delay", lambda count: failures.append(count) or 0.0)
    monkeypatch.setattr(replica, "STABLE_SECONDS", 0.6)  # shorter than the load, longer than the service
    local.apply("v1", "crashes when it has loaded")
    eventually(lambda: len(failures) >= 3, seconds=60)
    assert failures[:3] in ([1, 2, 3], [2, 3, 4])  # the first restart is immediate if its first answer was seen


def test_runtime_a_server_that_is_killed_restarts_at_once(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "retry_delay", lambda _failures: 3600.0)
    local.apply("v1", "one")
    local.until(State.READY, "v1")
    pid = local.get("/pid")
    os.kill(int(pid), 9)
    eventually(lambda: has_changed(local, pid), seconds=60)


def test_runtime_a_model_starts_where_tmpdir_is_too_long_for_a_socket(
    local: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    local.apply("v1", "one")
    eventually(lambda: (found := local.look()) and found.state == State.READY, seconds=60)
    assert local.get() == "one"


def test_render_is_deterministic_and_changes_with_the_bytes(local: Local) -> None:
    (manifest,) = local.runtime.render(local.release("v1", "one"))
    assert local.runtime.render(local.release("v1", "one")) == [manifest]
    annotations = manifest["metadata"]["annotations"]
    assert (manifest["kind"], annotations[VERSION], annotations[ETAG]) == (KIND, "v1", "etag of one")
    assert annotations[S3_PATH] == manifest["spec"]["source"]
    (other,) = local.runtime.render(local.release("v1", "other bytes"))
    assert other["metadata"]["annotations"][FINGERPRINT] != annotations[FINGERPRINT]


def test_runtime_lets_its_processes_keep_their_bytecode(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every start would compile the server's packages again, for half a second."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    local.apply("v1", "one")
    local.until(State.READY, "v1")
    assert local.get("/bytecode") == "True"


def test_runtime_installs_requirements_between_download_and_server_without_keys(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KUBESERVE_WEBHOOK_TOKEN", "SOME_TOKEN", "KUBESERVE_PIP_INDEX_URL", "https_proxy"):
        monkeypatch.setenv(name, "x")
    local.apply("v1", "one", requirements=True)
    local.until(State.READY, "v1")
    (folder,) = local.folders()
    given = set((folder / "install-env").read_text().split())
    assert {"KUBESERVE_PIP_INDEX_URL", "https_proxy", "PATH"} <= given
    assert not [name for name in given if "AWS" in name or "TOKEN" in name]
    assert (folder / "install-options").read_text() == f"--model {folder} --to {folder}/packages --requirements allow"
    local.apply("v2", "refused", requirements=True)
    failed = eventually(lambda: (found := local.look()) and "line 1: no" in found.reason and found)
    assert failed.live.is_at_fault


def test_runtime_without_requirements_installs_nothing(local: Local) -> None:
    local.apply("v1", "one")
    local.until(State.READY, "v1")
    assert "install-env" not in local.contents("v1")


def test_runtime_serves_rolls_over_and_removes(local: Local) -> None:
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
def test_runtime_a_version_that_fails_shows_its_reason_and_a_rollback_drops_it(
    local: Local, text: str, reason: str
) -> None:
    local.apply("v1", "one")
    local.until(State.READY, "v1")
    pid = local.get("/pid")
    local.apply("v2", text)
    failed = local.until(State.FAILED, "v2")
    own = text == "broken"  # then the reconciler puts v1 back, and says so
    assert (failed.reason, failed.live.is_at_fault) == (reason if own else f"{reason}; v1 keeps serving", own)
    assert failed.pods == Pods("v1", 1, 1)
    local.hints.clear()
    local.apply("v1", "one")
    assert local.look().state is State.READY
    assert local.hints
    assert local.get("/pid") == pid
    # What failed by its own fault leaves its log until the next one does, or until the model goes.
    eventually(lambda: (local.contents("v2"), len(local.folders())) == ({"log", "version"} if own else set(), 1 + own))
    local.apply("v2", "mended")
    assert local.until(State.READY, "v2").pods == Pods("v2", 1, 1)
    assert local.get() == "mended"
    local.apply("v3", text)
    local.until(State.FAILED, "v3")
    local.apply("v2", "mended")
    eventually(lambda: (local.contents("v3"), len(local.folders())) == ({"log", "version"} if own else set(), 1 + own))
    local.runtime.apply(Change(IRIS, remove=True))
    eventually(lambda: not local.folders())


def test_a_replica_is_ready_for_others_once_connections_go_to_it(local: Local) -> None:
    local.apply("v1", "one")
    local.until(State.READY, "v1")
    service = local.runtime._services[IRIS]
    service.pending = service.serving  # as it is between the replica's report and its promotion
    assert local.look().state is State.PROGRESSING


def test_runtime_a_server_that_dies_restarts_while_another_version_fails_and_its_source_is_gone(local: Local) -> None:
    local.apply("v1", "one")
    local.until(State.READY, "v1")
    pid = local.get("/pid")
    local.apply("v2", "broken")
    local.until(State.FAILED, "v2")
    (local.folder / "v1").unlink()
    os.kill(int(pid), 9)
    eventually(lambda: has_changed(local, pid))


def has_changed(local: Local, pid: str) -> bool:
    """Return whether another process answers."""
    try:
        return local.get("/pid") != pid
    except urllib3.exceptions.HTTPError:
        return False


def test_runtime_a_model_that_prints_without_end_serves_and_its_log_is_bounded(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "LOG_BYTES", 100_000)
    local.apply("v1", "prints without end")
    local.until(State.READY, "v1")
    eventually(lambda: (local.folders()[0] / output.OLD_LOG).exists(), seconds=60)
    assert local.get() == "prints without end"
    sizes = [path.stat().st_size for path in local.folders()[0].glob("log*")]
    assert max(sizes) <= 100_000


def test_start_seconds_are_the_progress_deadline_of_the_chart() -> None:
    assert chart.template("deployment")["spec"]["progressDeadlineSeconds"] == replica.START_SECONDS


def test_runtime_the_same_change_twice_starts_nothing(local: Local) -> None:
    local.apply("v1", "one")
    local.apply("v1", "one")
    local.until(State.READY, "v1")
    assert len(local.folders()) == 1


def test_close_leaves_no_process_even_if_servers_ignore_sigterm(local: Local) -> None:
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


def test_start_removes_what_an_earlier_run_left_and_nothing_else(tmp_path: Path) -> None:
    stale = tmp_path / "team" / "iris" / "0123456789abcdef-7"
    stale.mkdir(parents=True)
    kept = tmp_path / "my" / "own" / "thesis.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("precious")
    LocalRuntime(tmp_path, str, (), {}, lambda _: None).close()
    assert not (tmp_path / "team").exists()
    assert kept.read_text() == "precious"


def test_start_in_a_used_state_directory_is_rejected_and_harms_nothing(tmp_path: Path) -> None:
    first = LocalRuntime(tmp_path, str, (), {}, lambda _: None)
    served = tmp_path / "team" / "iris" / "0123456789abcdef-1"
    served.mkdir(parents=True)
    with pytest.raises(Rejected, match="is in use by another watcher"):
        LocalRuntime(tmp_path, str, (), {}, lambda _: None)
    assert served.exists()
    first.close()
    LocalRuntime(tmp_path, str, (), {}, lambda _: None).close()


@pytest.mark.parametrize("how", ["pipes", "folders", "links"])
def test_runtime_a_model_that_replaces_its_log_files_neither_blocks_nor_shows_other_files(
    local: Local, how: str
) -> None:
    local.apply("v1", f"replaces by {how}")
    assert local.until(State.FAILED, "v1").reason == "the true reason"
    local.apply("v1", "one")  # the next version of the same model starts as ever
    local.until(State.READY, "v1")


def test_runtime_last_words_with_terminal_escapes_are_shown_as_one_plain_line(local: Local) -> None:
    local.apply("v1", "chatty")
    reason = local.until(State.FAILED, "v1").reason
    assert reason == "ok [2J fake line"


def test_runtime_a_model_that_never_loads_fails_after_the_time_to_start(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "START_SECONDS", 0.5)
    local.apply("v1", "sleeper")
    assert local.until(State.FAILED, "v1").reason == "the model did not load within 0 s"


def test_is_healthy_an_endless_body_is_not_read(tmp_path: Path) -> None:
    with replica.listening(tmp_path / "http") as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
                while True:
                    connection.sendall(b"x" * 65536)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        begun = time.monotonic()
        assert replica.is_healthy(tmp_path / "http")
        assert time.monotonic() - begun < 30
        thread.join(60)
    assert not thread.is_alive()
