"""From upload to prediction with nothing but this machine: real store, real watcher, real servers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import urllib3
from sklearn.neighbors import KernelDensity

from .driving import Uploads, Watcher, dumped, eventually, model


def predict(url: str) -> Any:
    response = urllib3.request("POST", f"{url}/predict", json={"data": [[1.0]]}, timeout=5, retries=False)
    return response.json()["predictions"]


class Setup:
    def __init__(self, folder: Path, uploads: Any, arguments: tuple[str, ...], env: dict[str, str]) -> None:
        self.folder, self.uploads, self._arguments, self._env = folder, uploads, arguments, env

    def watcher(self, *arguments: str) -> Watcher:
        log, state = self.folder / "watcher.log", str(self.folder / "state")
        return Watcher(log, "--runtime", "local", "--state-dir", state, *self._arguments, *arguments, **self._env)

    def input_files(self) -> list[bytes]:
        """Return the examples in the folders of running models."""
        return [path.read_bytes() for path in (self.folder / "state").glob("*/*/*/input-example.json")]


class FolderUploads:
    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, data: bytes) -> None:
        (self.root / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).write_bytes(data)

    def delete(self, key: str) -> None:
        (self.root / key).unlink()


@pytest.fixture(params=["minio", "folder"])
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Setup:
    if request.param == "folder":
        (tmp_path / "bucket").mkdir()
        return Setup(tmp_path, FolderUploads(tmp_path / "bucket"), ("--store", f"folder:{tmp_path / 'bucket'}"), {})
    minio, bucket = request.getfixturevalue("minio_server"), request.getfixturevalue("bucket")
    arguments = ("--s3-endpoint", minio.endpoint, "--bucket", bucket.name)
    env = {"AWS_ACCESS_KEY_ID": minio.access_key, "AWS_SECRET_ACCESS_KEY": minio.secret_key}
    return Setup(tmp_path, Uploads(bucket.client, bucket.name), arguments, env)


def test_one_upload_is_served_and_a_second_version_takes_over_at_the_same_url(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.uploads.put("team/iris/v1/model.joblib", model("one"))
        eventually(lambda: watcher.state("iris") == "Ready")
        url = watcher.model("iris")["url"]
        assert predict(url) == ["one"]
        setup.uploads.put("team/iris/v2/model.joblib", model("two"))
        eventually(lambda: predict(url) == ["two"])
        setup.uploads.delete("team/iris/v2/model.joblib")
        eventually(lambda: predict(url) == ["one"])
        setup.uploads.delete("team/iris/v1/model.joblib")
        eventually(lambda: watcher.status()["models"] == [])


def test_a_user_s_values_set_the_server(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.uploads.put("team/iris/v1/model.joblib", model("one"))
        eventually(lambda: watcher.state("iris") == "Ready")
        url = watcher.model("iris")["url"]
        assert predict(url) == ["one"]
        setup.uploads.put("team/iris/values.yaml", b"server: {maxBodySize: 8192}\n")
        body = json.dumps({"data": [[1.0]] * 2000})
        refused = {"error": "the body is larger than 8192 bytes (--max-body-size)"}
        eventually(lambda: urllib3.request("POST", f"{url}/predict", body=body, timeout=5).json() == refused)


def test_values_above_a_ceiling_are_rejected_and_the_old_version_keeps_serving(setup: Setup) -> None:
    with setup.watcher("--ceilings", "bodySize=32Mi") as watcher:
        setup.uploads.put("team/iris/v1/model.joblib", model("one"))
        eventually(lambda: watcher.state("iris") == "Ready")
        url = watcher.model("iris")["url"]
        setup.uploads.put("team/iris/v2/values.yaml", b"server: {maxBodySize: 33554433}")
        setup.uploads.put("team/iris/v2/model.joblib", model("two"))
        eventually(lambda: watcher.state("iris") == "Rejected")
        assert watcher.model("iris")["reason"].startswith("team/iris/v2/values.yaml: server.maxBodySize is 33554433; ")
        assert predict(url) == ["one"]
        setup.uploads.put("team/iris/v2/values.yaml", b"server: {maxBodySize: 33554432}")
        eventually(lambda: predict(url) == ["two"])


def test_models_of_a_namespace_are_loaded_as_data_only(setup: Setup) -> None:
    with setup.watcher("--data-only", "team") as watcher:
        setup.uploads.put("team/iris/v1/model.joblib", model("one"))
        eventually(lambda: watcher.model("iris")["loaded"] == "data")
        assert predict(watcher.model("iris")["url"]) == ["one"]
        setup.uploads.put("team/iris/values.yaml", b"server: {load: auto}")
        eventually(lambda: watcher.state("iris") == "Rejected")
        assert "server.load is auto; the operator" in watcher.model("iris")["reason"]
        unknown = dumped(KernelDensity().fit([[0.0]]))
        setup.uploads.put("team/density/v1/model.joblib", unknown)
        eventually(lambda: "this model needs code: KernelDensity" in watcher.model("density")["reason"])
        setup.uploads.put("free/other/v1/model.joblib", unknown)
        eventually(lambda: watcher.model("other")["loaded"] == "code")


def test_the_operators_values_set_the_server_and_a_user_overrides_them(setup: Setup) -> None:
    (setup.folder / "chart-values.yaml").write_text("server: {maxBodySize: 8192, maxValues: 10}\n")
    body = json.dumps({"data": [[1.0]] * 2000})
    with setup.watcher("--chart-values", str(setup.folder / "chart-values.yaml")) as watcher:
        setup.uploads.put("team/iris/v1/model.joblib", model("one"))
        eventually(lambda: watcher.state("iris") == "Ready")
        url = watcher.model("iris")["url"]
        refused = {"error": "the body is larger than 8192 bytes (--max-body-size)"}
        eventually(lambda: urllib3.request("POST", f"{url}/predict", body=body, timeout=5).json() == refused)
        setup.uploads.put("team/iris/values.yaml", b"server: {maxBodySize: 65536, maxValues: 10000}\n")
        eventually(lambda: urllib3.request("POST", f"{url}/predict", body=body, timeout=5).status == 200)


def test_an_example_of_the_input_reaches_the_model_s_folder_and_a_new_one_replaces_it(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.uploads.put("team/iris/v1/input-example.json", b"[[1.0]]")
        setup.uploads.put("team/iris/v1/model.joblib", model("one"))
        eventually(lambda: watcher.state("iris") == "Ready")
        eventually(lambda: setup.input_files() == [b"[[1.0]]"])
        setup.uploads.put("team/iris/v1/input-example.json", b"[[2.0]]")
        eventually(lambda: setup.input_files() == [b"[[2.0]]"])
        eventually(lambda: watcher.state("iris") == "Ready")
        setup.uploads.put("team/iris/v1/input-example.json", b"[" + b"[1.0]," * 200_000)
        eventually(lambda: setup.input_files() == [])
        eventually(lambda: watcher.state("iris") == "Ready")
        (refused,) = watcher.status()["refused"]
        assert "larger than 1048576 bytes: keep a few rows in it" in refused["reason"]


def test_a_broken_model_leaves_the_good_version_serving_and_says_why(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.uploads.put("team/iris/v1/model.joblib", model("good"))
        eventually(lambda: watcher.state("iris") == "Ready")
        url = watcher.model("iris")["url"]
        setup.uploads.put("team/iris/v2/model.joblib", b"this is not a model")
        eventually(lambda: watcher.state("iris") == "Failed")
        assert watcher.model("iris")["reason"]
        assert predict(url) == ["good"]
        setup.uploads.put("team/iris/v2/model.joblib", model("mended"))
        eventually(lambda: predict(url) == ["mended"])


def test_a_restart_serves_what_the_bucket_holds_at_the_same_url(setup: Setup) -> None:
    setup.uploads.put("team/iris/v1/model.joblib", model("one"))
    with setup.watcher() as watcher:
        eventually(lambda: watcher.state("iris") == "Ready")
        url = watcher.model("iris")["url"]
        watcher.kill()
    with setup.watcher() as watcher:
        eventually(lambda: watcher.state("iris") == "Ready")
        assert watcher.model("iris")["url"] == url
        assert predict(url) == ["one"]


def test_its_servers_end_with_a_killed_watcher(setup: Setup) -> None:
    setup.uploads.put("team/iris/v1/model.joblib", model("one"))
    with setup.watcher() as watcher:
        eventually(lambda: watcher.state("iris") == "Ready")
        watcher.kill()
    state = str(setup.folder / "state")
    eventually(lambda: not [line for line in commands() if state in line])


def commands() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def test_metrics_count_the_work(setup: Setup) -> None:
    with setup.watcher() as watcher:
        setup.uploads.put("team/iris/v1/model.joblib", model("one"))
        eventually(lambda: watcher.state("iris") == "Ready")
        text = eventually(lambda: (found := watcher.get("/metrics").data.decode()) and found)
        assert 'kubeserve_watcher_applied_total{kind="Process"} 1.0' in text
        assert 'kubeserve_watcher_models{state="Ready"} 1.0' in text
        assert "kubeserve_watcher_upload_to_ready_seconds_count 1.0" in text
        assert watcher.get("/healthz").status == 200
        assert watcher.get("/readyz").status == 200


def test_deleting_a_model_and_uploading_it_again_soon_after_leaves_no_gap(setup: Setup) -> None:
    """As `rclone --delete-before`, a pipeline or a user interface replaces a file."""
    with setup.watcher("--removal-delay", "10") as watcher:
        setup.uploads.put("team/iris/v1/model.joblib", model("one"))
        eventually(lambda: watcher.state("iris") == "Ready")
        url = watcher.model("iris")["url"]
        setup.uploads.delete("team/iris/v1/model.joblib")
        eventually(lambda: watcher.state("iris") == "Waiting")
        assert predict(url) == ["one"]
        setup.uploads.put("team/iris/v1/model.joblib", model("two"))
        deadline, answer = time.monotonic() + 60, ["one"]
        while answer == ["one"] and time.monotonic() < deadline:
            answer = predict(url)  # a refused connection is an error
        assert answer == ["two"]
        eventually(lambda: watcher.state("iris") == "Ready")
    log = (setup.folder / "watcher.log").read_text()
    assert '"removed"' not in log
