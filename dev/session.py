"""A store, a watcher and models as processes on this machine."""

from __future__ import annotations

import dataclasses
import json
import shlex
import signal
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minio.error import MinioException
from urllib3.exceptions import HTTPError

from dev import sample, tools
from dev.minio_server import MinioServer, webhook_env
from dev.processes import Child, ChildError, free_port
from dev.stores import BUCKET, FolderStore, MinioStore, Store, new_token
from watcher.client import contexts
from watcher.errors import WatcherError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATA = Path(".kubeserve")
_TIMEOUT = 180.0
_MINIO_PORT, _WATCHER_PORT = 9000, 8080
# All must be down 5 s after Ctrl-C; MinIO, stopped after the watcher, has 1.5 s.
_WATCHER_GRACE = 3.0
_METRICS_SHOWN = 6
_CONTEXT, _NAMESPACE = "local", "my-team"


@dataclass(frozen=True)
class Stack:
    """A running store and the watcher that serves from it."""

    store: Store
    watcher: Child
    url: str

    def check(self) -> None:
        """Raise ChildError if a part died."""
        self.store.check()
        self.watcher.check()

    def models(self) -> list[dict[str, Any]]:
        """Return the models as the watcher reports them; none until it answers."""
        try:
            return list(json.loads(_get(f"{self.url}/status"))["models"])
        except (OSError, ValueError):
            return []

    def ready(self, name: str = "", version: str = "") -> dict[str, Any] | None:
        """Return a model that is Ready: any, or the one of this name and version."""
        for model in self.models():
            named = not name or f"{model['namespace']}/{model['model']}" == name
            if named and model["state"] == "Ready" and version in ("", model["version"]):
                return model
        return None

    def wait_ready(self, name: str = "", version: str = "") -> dict[str, Any]:
        """Wait for `ready`. Raise ChildError with the watcher's reasons if it takes too long."""
        deadline = time.monotonic() + _TIMEOUT
        while (model := self.ready(name, version)) is None:
            self.check()
            if time.monotonic() > deadline:
                wanted = f"{name} {version}".strip() or "No model"
                raise ChildError(f"{wanted} is not Ready after {_TIMEOUT:.0f} s: {self._reasons()}.")
            time.sleep(0.1)
        return model

    def _reasons(self) -> str:
        states = (f"{each['model']} {each['version']} is {each['state']} {each['reason']}" for each in self.models())
        return "; ".join(state.strip() for state in states) or f"the watcher lists no model at {self.url}/status"


@contextmanager
def started(data: Path, kind: str, *, quiet: bool) -> Iterator[Stack]:
    """Start the store, then the watcher; stop them in reverse."""
    data.mkdir(parents=True, exist_ok=True)
    port = free_port(_WATCHER_PORT)
    with ExitStack() as stack:
        store = _open_store(stack, data, kind, port)
        watcher = stack.enter_context(_watcher(data, store, port, data / "watcher.log" if quiet else None))
        running = Stack(store, watcher, f"http://127.0.0.1:{port}")
        watcher.wait_until(lambda: _answers(f"{running.url}/status"), _TIMEOUT)
        # Not earlier, because MinIO rejects a rule whose target is offline.
        store.notify()
        yield running


def _open_store(stack: ExitStack, data: Path, kind: str, watcher_port: int) -> Store:
    if kind == "minio":
        try:
            return _open_minio(stack, data, tools.find("minio"), watcher_port)
        except tools.ToolUnavailable as error:
            print(f"{error}\nUsing a folder instead of MinIO.", file=sys.stderr, flush=True)
    folder = (data / "bucket").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return FolderStore(folder)


def _open_minio(stack: ExitStack, data: Path, program: Path, watcher_port: int) -> Store:
    token = new_token()
    env = webhook_env(f"http://127.0.0.1:{watcher_port}/events", token)
    port = free_port(_MINIO_PORT)
    server = MinioServer(program, data / "minio", data / "minio.log", port=port, bucket=BUCKET, env=env)
    return MinioStore(stack.enter_context(server), token)


def _watcher(data: Path, store: Store, port: int, log: Path | None) -> Child:
    command = [sys.executable, "-m", "watcher", "run", "--runtime", "local", *store.watcher_flags()]
    command += ["--listen", f"127.0.0.1:{port}", "--state-dir", str(data / "local")]
    # SIGTERM, so that the watcher can still stop its servers if this program is killed.
    return Child("The watcher", command, log, store.watcher_env(), _WATCHER_GRACE, signal.SIGTERM)


def run(kind: str) -> None:
    """Serve from ./.kubeserve until a signal, or until a part dies."""
    with started(_DATA, kind, quiet=False) as stack:
        if stack.store.empty():
            stack.store.put(sample.key("v1"), sample.first())
        print(_guide(stack, _first_ready(stack)), flush=True)
        while True:
            stack.check()
            time.sleep(0.2)


def _first_ready(stack: Stack) -> dict[str, Any] | None:
    try:
        stack.wait_ready()
    except ChildError as error:
        # A part that died ends the run. A model that is not Ready does not: the user can repair it.
        stack.check()
        print(error, file=sys.stderr)
        return None
    return stack.ready(sample.MODEL) or stack.ready()


def write_context(data: Path, stack: Stack) -> Path:
    """Write a context with which `kubeserve push` works at once, and return the file."""
    context = dataclasses.replace(stack.store.context(), name=_CONTEXT, namespace=_NAMESPACE, watcher=stack.url)
    path = (data / "config.yaml").resolve()
    contexts.write(path, contexts.Contexts(_CONTEXT, {_CONTEXT: context}))
    return path


def _guide(stack: Stack, model: dict[str, Any] | None) -> str:
    """Return the commands that a user can paste next."""
    program = _short(str(Path(sys.executable).parent / "kubeserve"))
    export = f"export {contexts.VARIABLE}={shlex.quote(str(write_context(_DATA, stack)))}"
    example = _DATA / "iris.joblib"
    example.write_bytes(sample.first())
    parts = [
        ("Use the commands in another terminal", export),
        ("Push a model of your own", f"{program} push {example}"),
        ("See the state of every model, and the reason", f"{program} status\ncurl -s {stack.url}/status"),
    ]
    if model:
        parts.insert(0, (f"{model['namespace']}/{model['model']} {model['version']} is served", _calls(model)))
    body = "\n\n".join(f"# {title}\n{text}" for title, text in parts)
    return f"\n{'─' * 72}\n{body}\n\n# Ctrl-C stops everything; the models stay in {_DATA}/\n{'─' * 72}\n"


def _calls(model: dict[str, Any]) -> str:
    url = model["url"].rstrip("/")
    known = f"{model['namespace']}/{model['model']}" == sample.MODEL
    data = json.dumps({"data": [sample.INSTANCE if known else [0.0]]})
    predict = f"curl -s {url}/predict -H 'Content-Type: application/json' -d '{data}'"
    return f"{predict}\ncurl -s {url}/health\ncurl -s {url}/metrics"


def _short(command: str) -> str:
    return command.removeprefix(f"{Path.cwd()}/")


def demo(kind: str) -> None:
    """Upload a model, call it, upload another version, and show that the answer changed."""
    with tempfile.TemporaryDirectory(prefix="kubeserve-demo-") as directory:
        data = Path(directory)
        try:
            with started(data, kind, quiet=True) as stack:
                _show(stack)
        except ChildError:
            # The folder will be removed, so its log must be printed now.
            _print_log(data / "watcher.log")
            raise


def _show(stack: Stack) -> None:
    before = _serve(stack, "v1", sample.first())
    metrics = [line for line in before["metrics"].splitlines() if line.startswith("kubeserve_")]
    print("  metrics:", *metrics[:_METRICS_SHOWN], sep="\n    ", flush=True)
    after = _serve(stack, "v2", sample.second())
    if before["answer"] == after["answer"]:
        raise ChildError(f"v2 is Ready but the answer is still v1's: {after['answer']}.")
    print("The answer changed: v2 replaced v1.", flush=True)


def _serve(stack: Stack, version: str, body: bytes) -> dict[str, str]:
    print(f"Uploading {sample.key(version)} …", flush=True)
    started_at = time.monotonic()
    stack.store.put(sample.key(version), body)
    url = stack.wait_ready(sample.MODEL, version)["url"].rstrip("/")
    print(f"  served after {time.monotonic() - started_at:.1f} s at {url}", flush=True)
    answer = _post(f"{url}/predict", {"data": [sample.INSTANCE]})
    print(f"  predict {sample.INSTANCE} → {answer}", flush=True)
    # Versions and times differ by design; only the predictions are compared.
    predicted = json.dumps(json.loads(answer).get("predictions", answer))
    return {"answer": predicted, "metrics": _get(f"{url}/metrics")}


def _print_log(path: Path) -> None:
    if path.exists():
        lines = path.read_text(errors="replace").splitlines()[-20:]
        print("The watcher's last lines:", *lines, sep="\n  ", file=sys.stderr, flush=True)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def _post(url: str, body: object) -> str:
    headers = {"Content-Type": "application/json"}
    return _get_request(urllib.request.Request(url, json.dumps(body).encode(), headers))


def _get_request(request: urllib.request.Request) -> str:
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode().strip())


def _answers(url: str) -> bool:
    try:
        _get(url)
    except OSError:
        return False
    return True


def perform(action: str, kind: str) -> int:
    """Run `make run` or `make demo`. Return the exit status, with a sentence on stderr if it is not 0."""
    try:
        (run if action == "run" else demo)(kind)
    except (ChildError, WatcherError, MinioException, HTTPError, OSError, ValueError) as error:
        print(f"make {action}: {error}", file=sys.stderr)
        return 1
    return 0
