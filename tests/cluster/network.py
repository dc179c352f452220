"""A network namespace with no way out, in which the node, the store and the tests live.

Nothing can leak out of it, and no port of the machine's own can be in the way.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

NAME = "kubeserve-test"
ADDRESS = "10.200.0.1"
POD_SUBNET = "10.244.0.0/24"
SERVICE_SUBNET = "10.96.0.0/24"

HANDLES = Path("/var/run/netns")


def create() -> None:
    """Make the namespace, with an `eth0` that has an address and the default route: kubelet asks for both."""
    run("ip", "netns", "add", NAME)
    steps = [
        "ip link set lo up",
        "ip link add eth0 type bridge",
        f"ip address add {ADDRESS}/24 dev eth0",
        "ip link set eth0 up",
        # A bridge without a port has no carrier; a pair of cables plugged into it and into nothing gives it one.
        "ip link add plug0 type veth peer name plug1",
        "ip link set plug0 master eth0 up",
        "ip link set plug1 up",
        "ip route add default dev eth0",
        "sysctl -qw net.ipv4.ip_forward=1",
    ]
    for step in steps:
        run(*entered(step.split()))


def entered(command: Iterable[str]) -> list[str]:
    """`command` inside the namespace. Not by `ip netns exec`, which mounts a /sys without the cgroups."""
    return ["nsenter", f"--net={HANDLES / NAME}", *command]


def exists() -> bool:
    return (HANDLES / NAME).exists()


def is_inside() -> bool:
    """Whether this process is in the namespace."""
    return exists() and Path("/proc/self/ns/net").stat().st_ino == (HANDLES / NAME).stat().st_ino


def processes() -> list[int]:
    """Every process in the namespace; the pods' own are in theirs."""
    found = subprocess.run(["ip", "netns", "pids", NAME], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def pod_handles() -> set[str]:
    """The handles of the pods' network namespaces, which containerd makes, of every cluster on this machine."""
    return {path.name for path in HANDLES.glob("cni-*")}


def delete(handles: Iterable[str]) -> None:
    """Remove the namespaces of the pods, then ours."""
    for name in (*handles, *([NAME] if exists() else [])):
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True)
