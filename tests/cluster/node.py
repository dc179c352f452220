"""Run a one-node Kubernetes in the network namespace: control plane, kubelet, Services, DNS, NetworkPolicies."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import trustme
import yaml
from kubernetes import client, config

from dev import tools
from dev.processes import Child, free_port
from tests.integration.control_plane import ControlPlane
from tests.integration.driving import PROGRESS, eventually

from . import cgroups, metrics_server, network
from .containerd import Containerd

NODE = "node"
API_SERVICE = network.SERVICE_SUBNET.replace("0/24", "1")
DNS_DOMAIN = "cluster.local"
MAX_PROCESSES = 256
"""Processes of one pod. A pod cannot limit them itself: it is a setting of the node."""


class Node:
    """A context manager that is ready for pods when entered. `logs` contains the logs of all parts."""

    def __init__(self, root: Path, run: Path, logs: Path, images: Iterable[Path]) -> None:
        self.root, self.logs, self._run, self._images = root, logs, run, images
        self._stack = ExitStack()
        self._keys = Keys(root / "keys")
        self._kubelet_token = secrets.token_hex(16)
        self.plane = ControlPlane(
            logs,
            address=network.ADDRESS,
            certificate_authority=self._keys.authority,
            api_flags=self._api_flags(),
            manager_flags=self._manager_flags(),
            tokens=[f'{self._kubelet_token},system:node:{NODE},{NODE},"system:nodes"'],
        )
        self.containerd = Containerd(root, run, logs / "containerd.log")

    @property
    def kubeconfig(self) -> Path:
        return self.plane.kubeconfig

    @property
    def api_port(self) -> int:
        return int(self.plane.server.rpartition(":")[2])

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # In reverse order: kubelet before the API server, and the API server before etcd.
        self._stack.close()

    def _start(self) -> None:
        containerd = self._stack.enter_context(self.containerd.child)
        self._stack.enter_context(self.plane)
        containerd.wait_until(self.containerd.ready, PROGRESS)
        for image in self._images:
            self.containerd.load(image)
        self._child("kube-scheduler", kubeconfig=self.kubeconfig, leader_elect="false", secure_port=free_port())
        self._child("kube-proxy", config=self._proxy_config())
        self._child("kubelet", **self._kubelet_flags())
        self._child("coredns", conf=self._corefile())
        self.api = self._stack.enter_context(config.new_client_from_config(str(self.kubeconfig)))
        eventually(self._is_ready)
        self._child("kube-router", kubeconfig=self.kubeconfig, node=NODE, services=network.SERVICE_SUBNET)
        self._start_metrics_server()

    def _start_metrics_server(self) -> None:
        port, log = free_port(), self.logs / "metrics-server.log"
        self._stack.enter_context(metrics_server.process(self.kubeconfig, port, log, self.root / "metrics-server"))
        metrics_server.register(self.api, port)

    def _child(self, name: str, **flags: object) -> Child:
        dash = "-" if name == "coredns" else "--"
        words = [f"{dash}{flag.replace('_', '-')}={value}" for flag, value in flags.items()]
        child = Child(name, [str(tools.find(name)), *words], self.logs / f"{name}.log", grace=5)
        return self._stack.enter_context(child)

    def _is_ready(self) -> bool:
        conditions = client.CoreV1Api(self.api).read_node(NODE).status.conditions
        return any(item.type == "Ready" and item.status == "True" for item in conditions)

    def _api_flags(self) -> dict[str, str]:
        keys = self._keys
        return {
            "bind-address": network.ADDRESS,
            "advertise-address": network.ADDRESS,
            "endpoint-reconciler-type": "lease",
            "service-cluster-ip-range": network.SERVICE_SUBNET,
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "tls-cert-file": str(keys.api.certificate),
            "tls-private-key-file": str(keys.api.key),
            "kubelet-preferred-address-types": "InternalIP",
            # With these flags metrics-server can identify its callers.
            "enable-aggregator-routing": "true",
            "requestheader-client-ca-file": str(keys.authority),
            "requestheader-allowed-names": "aggregator",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-username-headers": "X-Remote-User",
            "proxy-client-cert-file": str(keys.aggregator.certificate),
            "proxy-client-key-file": str(keys.aggregator.key),
        }

    def _manager_flags(self) -> dict[str, str]:
        return {
            "root-ca-file": str(self._keys.authority),
            # The defaults are meant for large clusters: an autoscaler waits minutes before it uses a figure.
            "horizontal-pod-autoscaler-sync-period": "5s",
            "horizontal-pod-autoscaler-downscale-stabilization": "15s",
            "horizontal-pod-autoscaler-cpu-initialization-period": "10s",
            "horizontal-pod-autoscaler-initial-readiness-delay": "5s",
        }

    def _kubelet_flags(self) -> dict[str, object]:
        return {
            "config": self._kubelet_config(),
            "kubeconfig": self._kubeconfig("kubelet", self._kubelet_token),
            "hostname_override": NODE,
            "node_ip": network.ADDRESS,
            "root_dir": self.root / "kubelet",
            "cert_dir": self.root / "kubelet-certificates",
        }

    def _kubelet_config(self) -> Path:
        (self.root / "resolv.conf").write_text("")
        return self._write(
            "kubelet.yaml",
            {
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                # Only this test can reach it.
                "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
                "authorization": {"mode": "AlwaysAllow"},
                "containerRuntimeEndpoint": self.containerd.endpoint,
                "cgroupDriver": "cgroupfs",
                "cgroupRoot": cgroups.NAME,
                "failCgroupV1": False,
                "failSwapOn": False,
                "enforceNodeAllocatable": [],
                "clusterDNS": [network.ADDRESS],
                "clusterDomain": DNS_DOMAIN,
                "resolvConf": str(self.root / "resolv.conf"),
                "imageGCHighThresholdPercent": 100,
                "podPidsLimit": MAX_PROCESSES,
                # The default is a minute: so long a pod may be above the limit of a volume.
                "volumeStatsAggPeriod": "5s",
                # A full disk of the developer must not reject pods here.
                "evictionHard": {"memory.available": "100Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
            },
        )

    def _proxy_config(self) -> Path:
        return self._write(
            "kube-proxy.yaml",
            {
                "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                "kind": "KubeProxyConfiguration",
                "mode": "iptables",
                "clientConnection": {"kubeconfig": str(self.kubeconfig)},
                "clusterCIDR": network.POD_SUBNET,
                "hostnameOverride": NODE,
                # Zero keeps the kernel's settings, which cannot be written in a container.
                "conntrack": {
                    "maxPerCore": 0,
                    "min": 0,
                    "tcpEstablishedTimeout": "0s",
                    "tcpCloseWaitTimeout": "0s",
                },
            },
        )

    def _corefile(self) -> Path:
        path = self.root / "Corefile"
        path.write_text(
            f".:53 {{\n  bind {network.ADDRESS}\n  errors\n"
            f"  kubernetes {DNS_DOMAIN} {{\n    kubeconfig {self.kubeconfig} test\n  }}\n}}\n"
        )
        return path

    def _kubeconfig(self, name: str, token: str) -> Path:
        """Write the admin's kubeconfig with another token, and return its path."""
        document = json.loads(self.kubeconfig.read_text())
        document["users"][0]["user"] = {"token": token}
        return self._write(f"{name}.kubeconfig", document)

    def _write(self, name: str, document: Any) -> Path:
        path = self.root / name
        path.write_text(yaml.safe_dump(document))
        return path


class Pair:
    """A certificate and its key, as files."""

    def __init__(self, folder: Path, name: str, leaf: trustme.LeafCert) -> None:
        self.certificate, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        leaf.cert_chain_pems[0].write_to_path(self.certificate)
        leaf.private_key_pem.write_to_path(self.key)


class Keys:
    """One authority for the whole cluster, with the certificates of the API server and of the aggregator."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        authority = trustme.CA()
        self.authority = folder / "ca.crt"
        authority.cert_pem.write_to_path(self.authority)
        names = [network.ADDRESS, API_SERVICE, "127.0.0.1", "kubernetes.default.svc"]
        self.api = Pair(folder, "api", authority.issue_cert(*names))
        self.aggregator = Pair(folder, "aggregator", authority.issue_cert("aggregator", common_name="aggregator"))
