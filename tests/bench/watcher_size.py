"""Measure what a watcher of many models needs: `python -m tests.bench.watcher_size`, for docs/operations.md.

A real MinIO and a real API server; the models have no replicas, so that they are ready without a node. Memory and
processor are the watcher's own, from /proc, over half a minute in which nothing changes.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path

from kubernetes import client, config

from dev import tools
from dev.minio_server import MinioServer
from tests.integration.control_plane import ControlPlane
from tests.integration.driving import Uploads, Watcher, eventually

SIZES = (0, 10, 100, 1000)
SECONDS = 30
ADDRESSES = {"service-cluster-ip-range": "10.0.0.0/16"}
"""Every model has a Service, and the tests' default range has only 254 addresses."""
NO_REPLICAS = "{autoscaling: {enabled: false}, deployment: {replicas: 0}}"


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        ControlPlane(Path(folder) / "k8s", api_flags=ADDRESSES) as plane,
        MinioServer(
            tools.find("minio"), Path(folder) / "minio", Path(folder) / "minio.log", bucket="kubeserve-models"
        ) as minio,
        config.new_client_from_config(str(plane.kubeconfig)) as api,
    ):
        client.CoreV1Api(api).create_namespace({"metadata": {"name": "bench"}})
        values = Path(folder) / "values.yaml"
        values.write_text(NO_REPLICAS)
        arguments = ("--kubeconfig", str(plane.kubeconfig), "--s3-endpoint", minio.endpoint, "--no-listen-stream")
        credentials = {"AWS_ACCESS_KEY_ID": minio.access_key, "AWS_SECRET_ACCESS_KEY": minio.secret_key}
        with Watcher(
            *(Path(folder) / "watcher.log", *arguments, "--chart-values", str(values), "--poll-interval", "5"),
            **credentials,
        ) as watcher:
            measure(watcher, Uploads(minio.client(), "kubeserve-models"))
    return 0


def measure(watcher: Watcher, uploads: Uploads) -> None:
    there = 0
    print("| models | from upload to all ready, s | memory, MiB | processor, % of a core | a survey, ms |")
    print("| --- | --- | --- | --- | --- |")
    for size in SIZES:
        started = time.monotonic()
        for number in range(there, size):
            uploads.put(f"bench/m{number}/v1/model.joblib", os.urandom(1024))
        there = size
        eventually(lambda size=size: ready(watcher) == size, seconds=600)  # type: ignore[misc]
        took = time.monotonic() - started
        cpu, survey = at_rest(watcher)
        print(f"| {size} | {took:.0f} | {memory(watcher):.0f} | {cpu:.1f} | {survey:.0f} |", flush=True)


def ready(watcher: Watcher) -> int:
    return sum(model["state"] == "Ready" for model in watcher.status()["models"])


def at_rest(watcher: Watcher) -> tuple[float, float]:
    """Return the percentage of a core and the milliseconds of a survey, over the next half minute."""
    time.sleep(5)
    before, passes = processor(watcher), surveys(watcher)
    time.sleep(SECONDS)
    seconds, count = (after - old for after, old in zip(surveys(watcher), passes, strict=True))
    return 100 * (processor(watcher) - before) / SECONDS, 1000 * seconds / max(count, 1)


def processor(watcher: Watcher) -> float:
    fields = Path(f"/proc/{watcher.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(watcher: Watcher) -> float:
    status = Path(f"/proc/{watcher.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def surveys(watcher: Watcher) -> tuple[float, float]:
    text = watcher.get("/metrics").data.decode()
    name = "kubeserve_watcher_pass_duration_seconds"
    return tuple(float(re.findall(rf"^{name}_{part} (\S+)", text, re.MULTILINE)[0]) for part in ("sum", "count"))


if __name__ == "__main__":
    sys.exit(main())
