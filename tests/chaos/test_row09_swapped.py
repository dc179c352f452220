"""Row 9: the object is swapped between the listing and the download: no other bytes than the template's are served."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kubernetes import client

from tests.integration.driving import eventually

from .rows import amount, record
from .scene import Scene


def init_environment(scene: Scene, model: str) -> dict[str, str]:
    """Return the environment of the init container as a kubelet makes it."""
    found = {}
    for item in scene.cluster.deployment(model).spec.template.spec.init_containers[0].env:
        value = item.value if item.value_from is None else referenced(scene, item.value_from)
        found |= {item.name: value} if value is not None else {}
    return found


def referenced(scene: Scene, source: Any) -> str | None:
    core, namespace = scene.cluster.core, scene.cluster.namespace
    try:
        if source.secret_key_ref:
            data = core.read_namespaced_secret(source.secret_key_ref.name, namespace).data
            return b64decode(data[source.secret_key_ref.key]).decode()
        if (ref := source.config_map_key_ref) is None:
            return None  # a limit of the container
        return str(core.read_namespaced_config_map(ref.name, namespace).data[ref.key])
    except (KeyError, client.ApiException):
        return None  # as with `optional: true`


def downloaded(environment: dict[str, str], to: Path) -> bytes | None:
    """Run the init container's program; return the bytes that the server would load, None if it refuses."""
    to.mkdir()
    own = {"KUBESERVE_TO": str(to), "KUBESERVE_TERMINATION_LOG": str(to / "message"), "HOME": str(to)}
    command = [sys.executable, "-m", "server.download"]
    process = subprocess.Popen(command, env={"PATH": os.environ["PATH"], **environment, **own}, stderr=subprocess.PIPE)
    _, log = process.communicate(timeout=180)
    assert b"Traceback" not in log, log
    return (to / "model.joblib").read_bytes() if process.returncode == 0 else None


@contextmanager
def swapping(scene: Scene, path: str, bodies: list[bytes]) -> Iterator[None]:
    """Upload one of the bodies after the other, again and again."""
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for body in bodies:
                scene.put(path, body)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_download_never_takes_other_bytes_than_those_that_the_template_names(scene: Scene, tmp_path: Path) -> None:
    path, bodies = "a/v1/model.joblib", [os.urandom(200_000) for _ in range(3)]
    scene.put(path, bodies[0])
    with scene.watcher():
        eventually(lambda: scene.is_up("a"))
    environment, named = init_environment(scene, "a"), scene.etag("a")
    assert hashlib.md5(bodies[0]).hexdigest() == named
    assert downloaded(environment, tmp_path / "first") == bodies[0]
    scene.put(path, bodies[1])
    assert downloaded(environment, tmp_path / "swapped") is None
    count = amount(2, 40)
    with swapping(scene, path, bodies):
        results = [downloaded(environment, tmp_path / str(number)) for number in range(count)]
    assert set(results) <= {bodies[0], None}
    served = count - results.count(None)
    record(
        9, "downloads", f"{count} while the object was swapped: {served} of the named bytes, {count - served} refused"
    )
