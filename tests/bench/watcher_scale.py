"""`make bench-watcher`: measure a watcher of 1,000 and of 5,000 models next to a bare loop of the same applies."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config, watch

from dev import tools
from dev.minio_server import MinioServer, webhook_env
from dev.sections import write_section
from tests.integration.control_plane import ControlPlane
from tests.integration.driving import Cluster, Uploads, Watcher, eventually, free_port

from .watcher_figures import Figures, table

PERFORMANCE = Path("docs/performance.md")
NAMESPACE, BARE, BUCKET = "bench", "bare", "kubeserve-models"
ADDRESSES = {"service-cluster-ip-range": "10.0.0.0/16"}
"""Every model has a Service, and the tests' default range has only 254 addresses."""
NO_REPLICAS = "{autoscaling: {enabled: false}, deployment: {replicas: 0}}"
PENDING = b"deployment: {replicas: 1}"
WORKERS = 4
"""The watcher's default."""
PLURALS = {
    "Deployment": "apis/apps/v1/{}/deployments",
    "HorizontalPodAutoscaler": "apis/autoscaling/v2/{}/horizontalpodautoscalers",
}
LIMIT = 3600.0
"""Seconds. A bound on a step that never ends."""


class Bench:
    """One number of models: a store, a cluster, and what is asked of them."""

    def __init__(
        self, folder: Path, plane: ControlPlane, minio: MinioServer, api: client.ApiClient, *, port: int, token: str
    ) -> None:
        self.folder, self.plane, self.minio = folder, plane, minio
        self.port, self.token = port, token
        self.uploads, self.cluster = Uploads(minio.client(), BUCKET), Cluster(api, NAMESPACE)
        for name in (NAMESPACE, BARE):
            self.cluster.core.create_namespace({"metadata": {"name": name}})

    @contextmanager
    def watcher(self) -> Iterator[Watcher]:
        values = self.folder / "values.yaml"
        values.write_text(NO_REPLICAS)
        arguments = ("--kubeconfig", str(self.plane.kubeconfig), "--s3-endpoint", self.minio.endpoint)
        options = ("--no-listen-stream", "--poll-interval", "5")
        keys = {"AWS_ACCESS_KEY_ID": self.minio.access_key, "AWS_SECRET_ACCESS_KEY": self.minio.secret_key}
        settings = {**keys, "KUBESERVE_CHART_VALUES": str(values)}  # by the environment, so that `render` has it too
        settings["KUBESERVE_WEBHOOK_TOKEN"] = self.token
        with Watcher(self.folder / "watcher.log", *arguments, *options, port=self.port, **settings) as found:
            yield found

    def upload(self, name: str) -> None:
        self.uploads.put(f"{NAMESPACE}/{name}/v1/model.joblib", os.urandom(256))

    def bare_loop(self, count: int, printed: str) -> float:
        """Return the seconds of the applies of as many models as the watcher's objects of one say."""
        manifests = [item for item in yaml.safe_load_all(printed) if item]
        user = json.loads(self.plane.kubeconfig.read_text())
        cluster, token = user["clusters"][0]["cluster"], user["users"][0]["user"]["token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/apply-patch+yaml"}
        ca = cluster["certificate-authority"]
        with urllib3.PoolManager(maxsize=WORKERS, ca_certs=ca, headers=headers, timeout=60) as pool:

            def apply(number: int) -> None:
                name = f"bare{number}"
                for item in manifests:
                    own = {**item, "metadata": {**item["metadata"], "name": name, "namespace": BARE}}
                    url = f"{cluster['server']}/{path_of(item)}/{name}?fieldManager=bench&force=true"
                    answer = pool.request("PATCH", url, body=json.dumps(own))
                    assert answer.status in {200, 201}, answer.data

            with ThreadPoolExecutor(WORKERS) as threads:
                began = time.monotonic()
                list(threads.map(apply, range(count)))
                return time.monotonic() - began

    def objects(self) -> dict[str, str]:
        """Return the resource version of each object that a watcher writes, without the status."""
        lists = (
            self.cluster.apps.list_namespaced_deployment(NAMESPACE),
            self.cluster.core.list_namespaced_service(NAMESPACE),
        )
        return {item.metadata.uid: item.metadata.resource_version for found in lists for item in found.items}


def path_of(manifest: dict[str, Any]) -> str:
    """Return the path of the objects of this kind in the namespace of the bare loop."""
    kind = manifest["kind"]
    return PLURALS.get(kind, f"api/v1/{{}}/{kind.lower()}s").format(f"namespaces/{BARE}")


def measure(bench: Bench, count: int, pending: int, rest: float, single: int) -> Figures:
    """Measure one number of models, from nothing to single uploads."""
    for number in range(count):
        bench.upload(f"m{number}")
    with bench.watcher() as watcher:
        began = time.monotonic()
        eventually(lambda: deployments(watcher) >= count, LIMIT)
        from_nothing = time.monotonic() - began
        eventually(lambda: ready(watcher) == count, LIMIT)
        printed = watcher.cli("render", f"s3://{BUCKET}/{NAMESPACE}/m0/v1/model.joblib")
        time.sleep(rest / 4)
        before = (bench.objects(), processor(watcher), surveys(watcher))
        time.sleep(rest)
        after = (bench.objects(), processor(watcher), surveys(watcher))
        took, passes = (new - old for new, old in zip(after[2], before[2], strict=True))
    with bench.watcher() as watcher:
        began = time.monotonic()
        eventually(lambda: ready(watcher) == count, LIMIT)
        restart = time.monotonic() - began
        mib, restarted = memory(watcher), bench.objects()
        assert bench.minio.notify()
        with arrivals(bench) as seen:
            alone = [one_upload(bench, seen, f"alone{number}") for number in range(single)]
            for number in range(pending):
                bench.uploads.put(f"{NAMESPACE}/p{number}/values.yaml", PENDING)
                bench.upload(f"p{number}")
            eventually(lambda: states(watcher).count("Progressing") >= pending, LIMIT)
            among = [one_upload(bench, seen, f"among{number}") for number in range(single)]
    return Figures(
        models=count,
        bare=bench.bare_loop(count, printed),
        from_nothing=from_nothing,
        restart=restart,
        restart_writes=differing(after[0], restarted),
        at_rest_writes=differing(before[0], after[0]),
        processor=(after[1] - before[1]) / rest,
        survey=took / max(passes, 1),
        one_alone=statistics.median(alone),
        one_among_pending=statistics.median(among),
        mib=mib,
    )


@contextmanager
def arrivals(bench: Bench) -> Iterator[dict[str, float]]:
    """Yield when each Deployment was first seen, by a watch."""
    seen: dict[str, float] = {}
    stop = watch.Watch()
    with config.new_client_from_config(str(bench.plane.kubeconfig)) as api:

        def follow() -> None:
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                for event in stop.stream(client.AppsV1Api(api).list_namespaced_deployment, NAMESPACE):
                    seen.setdefault(event["object"].metadata.name, time.monotonic())

        threading.Thread(target=follow, daemon=True).start()
        eventually(lambda: seen)
        yield seen
        stop.stop()


def one_upload(bench: Bench, seen: dict[str, float], name: str) -> float:
    bench.upload(name)
    began = time.monotonic()
    eventually(lambda: f"{name}-model-serving" in seen)
    time.sleep(0.2)  # so that the next one finds nothing at work
    return seen[f"{name}-model-serving"] - began


def differing(before: dict[str, str], after: dict[str, str]) -> int:
    """Return how many objects were written between two looks."""
    return sum(after.get(uid) != version for uid, version in before.items())


def states(watcher: Watcher) -> list[str]:
    return [model["state"] for model in watcher.status()["models"]]


def ready(watcher: Watcher) -> int:
    return states(watcher).count("Ready")


def deployments(watcher: Watcher) -> float:
    """Return how many Deployments the watcher has applied; its last object of a model follows within milliseconds."""
    text = watcher.get("/metrics").data.decode()
    found = re.findall(r'kubeserve_watcher_applied_total{kind="Service"} (\S+)', text)
    return float(found[0]) if found else 0.0


def processor(watcher: Watcher) -> float:
    """Return the seconds of the processor that the watcher has used."""
    fields = Path(f"/proc/{watcher.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(watcher: Watcher) -> float:
    status = Path(f"/proc/{watcher.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def surveys(watcher: Watcher) -> tuple[float, float]:
    """Return the seconds of all surveys, and their number."""
    text, name = watcher.get("/metrics").data.decode(), "kubeserve_watcher_pass_duration_seconds"
    seconds, count = (re.findall(rf"^{name}_{part} (\S+)", text, re.MULTILINE)[0] for part in ("sum", "count"))
    return float(seconds), float(count)


def measured(count: int, pending: int, rest: float, single: int) -> Figures:
    """Return the figures of one number of models, in a store and a cluster of their own."""
    port, token = free_port(), secrets.token_hex(16)
    env = webhook_env(f"http://127.0.0.1:{port}/events", token)
    with (
        tempfile.TemporaryDirectory() as name,
        ControlPlane(Path(name) / "k8s", api_flags=ADDRESSES) as plane,
        MinioServer(tools.find("minio"), Path(name) / "minio", Path(name) / "log", bucket=BUCKET, env=env) as minio,
        config.new_client_from_config(str(plane.kubeconfig)) as api,
    ):
        bench = Bench(Path(name), plane, minio, api, port=port, token=token)
        return measure(bench, count, pending, rest, single)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few models; shows only that it works")
    quick = parser.parse_args().quick
    sizes, pending, rest, single = ((5, 10), 3, 2.0, 2) if quick else ((1000, 5000), 100, 60.0, 20)
    figures = [measured(size, pending, rest, single) for size in sizes]
    text = table(figures, pending, f"Linux {platform.release()}, {os.cpu_count()} processors.")
    print(text)
    if not quick:  # a quick run measures noise
        write_section(PERFORMANCE, "watcher", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
