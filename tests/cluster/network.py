"""A network namespace without a route to the outside, for the node, the store and the tests.

Nothing can leave it, and its ports cannot collide with those of the machine.
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
    """Create the namespace, with an `eth0` that has an address and the default route: kubelet needs both."""
    run("ip", "netns", "add", NAME)
    steps = [
        "ip link set lo up",
        "ip link add eth0 type bridge",
        f"ip address add {ADDRESS}/24 dev eth0",
        "ip link set eth0 up",
        # A bridge without a port has no carrier. One end of a veth pair gives it one; the other end stays unused.
        "ip link add plug0 type veth peer name plug1",
        "ip link set plug0 master eth0 up",
        "ip link set plug1 up",
        "ip route add default dev eth0",
        "sysctl -qw net.ipv4.ip_forward=1",
    ]
    for step in steps:
        run(*entered(step.split()))


def entered(command: Iterable[str]) -> list[str]:
    """Return `command` as run inside the namespace. `ip netns exec` would mount a /sys without the cgroups."""
    return ["nsenter", f"--net={HANDLES / NAME}", *command]


def exists() -> bool:
    return (HANDLES / NAME).exists()


def is_inside() -> bool:
    """Return whether this process is in the namespace."""
    return exists() and Path("/proc/self/ns/net").stat().st_ino == (HANDLES / NAME).stat().st_ino


def processes() -> list[int]:
    """Return every process in the namespace. Pods have namespaces of their own."""
    found = subprocess.run(["ip", "netns", "pids", NAME], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def delete() -> None:
    if exists():
        run("ip", "netns", "delete", NAME)


def run(*command: str) -> None:
    subprocess.run(command, check=True)
