"""MLServer with its own scikit-learn runtime. `parallel_workers: 0`: its fastest setting on one core.

`batch` as the third argument switches its adaptive batching on.
"""

import json
import os
import socket
import sys
from pathlib import Path

HERE = Path.cwd()


def free_port() -> int:
    """Return a port for gRPC, which cannot be switched off."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def settings(port: int) -> dict[str, object]:
    loopback = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_endpoint": None}
    return {**loopback, "parallel_workers": 0, "debug": False}


def model_settings(path: str, *, batching: bool) -> dict[str, object]:
    found: dict[str, object] = {
        "name": "model",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": path},
    }
    return {**found, "max_batch_size": 32, "max_batch_time": 0.005} if batching else found


if __name__ == "__main__":
    HERE.joinpath("settings.json").write_text(json.dumps(settings(int(sys.argv[2]))))
    described = model_settings(sys.argv[1], batching="batch" in sys.argv)
    HERE.joinpath("model-settings.json").write_text(json.dumps(described))
    program = Path(sys.executable).with_name("mlserver")
    os.execv(program, [str(program), "start", "."])
