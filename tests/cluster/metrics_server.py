"""Run metrics-server next to the node, as an aggregated API of the API server: the autoscaler reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubernetes import client

from dev import tools
from dev.processes import Child

from . import network

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
NAME = {"name": "metrics-server", "namespace": "kube-system"}


def process(kubeconfig: Path, port: int, log: Path, certificates: Path) -> Child:
    config = str(kubeconfig)
    flags = {
        "kubeconfig": config,
        "authentication-kubeconfig": config,
        "authorization-kubeconfig": config,
        "secure-port": port,
        "cert-dir": certificates,
        "kubelet-insecure-tls": "true",
        "kubelet-preferred-address-types": "InternalIP",
        "metric-resolution": "15s",
    }
    command = [str(tools.find("metrics-server")), *(f"--{name}={value}" for name, value in flags.items())]
    return Child("metrics-server", command, log, grace=3)


def register(api: client.ApiClient, port: int) -> None:
    """Create a Service without pods, its endpoint, and the API that it serves."""
    core = client.CoreV1Api(api)
    ports = [{"port": 443, "targetPort": port}]
    core.create_namespaced_service(NAME["namespace"], {"metadata": NAME, "spec": {"ports": ports}})
    endpoint = {
        "metadata": {**NAME, "labels": {"kubernetes.io/service-name": NAME["name"]}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [network.ADDRESS], "conditions": {"ready": True}}],
        "ports": [{"port": port}],
    }
    client.DiscoveryV1Api(api).create_namespaced_endpoint_slice(NAME["namespace"], endpoint)
    client.ApiregistrationV1Api(api).create_api_service(api_service())


def api_service() -> dict[str, Any]:
    return {
        "metadata": {"name": f"{VERSION}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": VERSION,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": NAME,
            "insecureSkipTLSVerify": True,
        },
    }
