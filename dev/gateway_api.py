"""The definitions of the Gateway API's objects, from the Go module that publishes them: Kubernetes has none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from dev.tools import ToolUnavailable, go_program

MODULE = "sigs.k8s.io/gateway-api@v1.6.1"


def definitions() -> list[Path]:
    """Return the files of the standard channel, downloaded once into Go's own cache."""
    command, env = [go_program(), "mod", "download", "-json", MODULE], {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolUnavailable(f"{MODULE} could not be downloaded; the output of go was:\n{done.stdout}{done.stderr}")
    folder = Path(json.loads(done.stdout)["Dir"]) / "config" / "crd" / "standard"
    return sorted(folder.glob("gateway.networking.k8s.io_*s.yaml"))
