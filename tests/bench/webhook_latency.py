"""`make bench-webhook`: measure the seconds from an upload to its objects in a real API server, by MinIO's webhook.

Fifty models are uploaded one at a time, without other work. The clock stops when a watch sees the last object, the
HPA. The poll interval is a minute, so the poll has no part in it. For comparison, the same run times a bare
server-side apply of the same objects by the same client.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config, watch
from urllib3.exceptions import ProtocolError

from dev import tools
from dev.minio_server import MinioServer, webhook_env
from dev.processes import free_port
from dev.sections import write_section
from tests.integration.control_plane import ControlPlane
from tests.integration.driving import Uploads, Watcher, eventually

COUNT = 50
UPLOAD, BARE = "upload → applied by the watcher", "bare server-side apply"
PERFORMANCE = Path("docs/performance.md")


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        ControlPlane(Path(folder) / "k8s") as plane,
        config.new_client_from_config(str(plane.kubeconfig)) as api,
    ):
        client.CoreV1Api(api).create_namespace({"metadata": {"name": "bench"}})
        measured = measure(Path(folder), plane, api)
    text = table(measured)
    print(text)
    write_section(PERFORMANCE, "webhook", text)
    return 0


def table(measured: dict[str, list[float]]) -> str:
    rows = [f"| {name} | {' | '.join(milliseconds(seconds))} |" for name, seconds in measured.items()]
    ratio = statistics.median(measured[UPLOAD]) / statistics.median(measured[BARE])
    return "\n".join(
        [
            "## From upload to objects in the API server\n",
            f"By MinIO's webhook, {COUNT} single uploads, nothing else meanwhile; written by `make bench-webhook`.\n",
            "| | median | 95 % | slowest |",
            "| --- | --- | --- | --- |",
            *rows,
            f"\nRatio of the medians: {ratio:.1f} (goal: 0.3 s at the median).",
        ]
    )


def milliseconds(seconds: list[float]) -> list[str]:
    ordered = sorted(seconds)
    chosen = [statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1]]
    return [f"{value * 1000:.0f} ms" for value in chosen]


def measure(folder: Path, plane: ControlPlane, api: client.ApiClient) -> dict[str, list[float]]:
    token, port = secrets.token_hex(16), free_port()
    env = webhook_env(f"http://127.0.0.1:{port}/events", token)
    logs = folder / "minio.log"
    with MinioServer(tools.find("minio"), folder / "minio", logs, bucket="kubeserve-models", env=env) as minio:
        credentials = {"AWS_ACCESS_KEY_ID": minio.access_key, "AWS_SECRET_ACCESS_KEY": minio.secret_key}
        os.environ.update(credentials)
        watcher = Watcher(
            folder / "watcher.log",
            *(
                "--kubeconfig",
                str(plane.kubeconfig),
                "--s3-endpoint",
                minio.endpoint,
            ),
            *("--no-listen-stream", "--poll-interval", "60"),
            port=port,
            KUBESERVE_WEBHOOK_TOKEN=token,
            **credentials,
        )
        with watcher:
            minio.notify()
            eventually(lambda: watcher.get("/readyz").status == 200)
            time.sleep(2)
            uploads = Uploads(minio.client(), "kubeserve-models")
            applied = through_the_watcher(uploads, api)
            printed = watcher.cli("render", "s3://kubeserve-models/bench/m0/v1/model.joblib")
            return {UPLOAD: applied, BARE: by_hand(api, list(yaml.safe_load_all(printed)))}


def through_the_watcher(uploads: Uploads, api: client.ApiClient) -> list[float]:
    seen: queue.Queue[tuple[str, float]] = queue.Queue()
    threading.Thread(target=note_autoscalers, args=(api, seen), daemon=True).start()
    found = []
    for number in range(COUNT):
        uploads.put(f"bench/m{number}/v1/model.joblib", os.urandom(1024))
        started = time.monotonic()
        name, arrived = seen.get(timeout=30)
        assert name == f"m{number}-model-serving", name
        found.append(arrived - started)
        time.sleep(0.1)
    return found


def note_autoscalers(api: client.ApiClient, seen: queue.Queue[tuple[str, float]]) -> None:
    lister = client.AutoscalingV2Api(api).list_namespaced_horizontal_pod_autoscaler
    # At the end, the API server stops before this thread. If it stops too early, the wait for `seen` fails.
    with contextlib.suppress(ProtocolError):
        for event in watch.Watch().stream(lister, "bench", _request_timeout=(5, 120)):
            if event["type"] == "ADDED":
                seen.put((event["object"].metadata.name, time.monotonic()))


def by_hand(api: client.ApiClient, manifests: list[dict[str, Any]]) -> list[float]:
    calls = {
        "Deployment": client.AppsV1Api(api).patch_namespaced_deployment,
        "Service": client.CoreV1Api(api).patch_namespaced_service,
        "ConfigMap": client.CoreV1Api(api).patch_namespaced_config_map,
        "HorizontalPodAutoscaler": client.AutoscalingV2Api(api).patch_namespaced_horizontal_pod_autoscaler,
    }
    found = []
    for number in range(COUNT):
        started = time.monotonic()
        for manifest in manifests:
            manifest["metadata"]["name"] = f"bare{number}"
            calls[manifest["kind"]](
                f"bare{number}",
                "bench",
                manifest,
                field_manager="bench",
                force=True,
                _content_type="application/apply-patch+yaml",
            )
        found.append(time.monotonic() - started)
    return found


if __name__ == "__main__":
    sys.exit(main())
