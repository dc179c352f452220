"""A separate containerd with its own root, state and socket, so that it cannot disturb another on the machine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from dev.processes import Child

from . import network

PAUSE = "localhost/pause:1"
PLUGINS = "/usr/lib/cni"

CONFIG = """
version = 2
root = "{root}/containerd"
state = "{run}/containerd"
[grpc]
  address = "{run}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without CAP_SYS_RESOURCE, a process cannot get a lower OOM score than its parent.
  restrict_oom_score_adj = true
  # So the network namespaces of the pods are mounts below our folders, and are cleaned up with them.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{root}/cni"
"""

CNI = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "pods0",
            "isGateway": True,
            "ipMasq": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": network.POD_SUBNET}]],
                "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": "{root}/cni-addresses",
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}


class Containerd:
    """Writes its configuration under `root`, its socket and state under `run` (sockets need short paths)."""

    def __init__(self, root: Path, run: Path, log: Path) -> None:
        self._socket = run / "containerd.sock"
        (root / "cni").mkdir(parents=True)
        config = root / "containerd.toml"
        config.write_text(CONFIG.format(root=root, run=run, pause=PAUSE, plugins=PLUGINS))
        (root / "cni" / "pods.conflist").write_text(json.dumps(CNI).replace("{root}", str(root)))
        self.child = Child("containerd", ["containerd", "--config", str(config)], log)

    @property
    def endpoint(self) -> str:
        return f"unix://{self._socket}"

    def ready(self) -> bool:
        return self._socket.exists() and self._ctr("version").returncode == 0

    def load(self, archive: Path) -> None:
        """Import the images of a `podman save` archive."""
        done = self._ctr("images", "import", str(archive))
        assert done.returncode == 0, done.stderr

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["ctr", "--address", str(self._socket), "--namespace", "k8s.io", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)
