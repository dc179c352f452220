"""The servers that are compared: requirements, command, protocol and settings of each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.venvs import venv
from tests.bench.serving.protocols import V2, Bare, Plain, Speaks, V2Binary

PEERS = Path(__file__).parent / "peers"
# The same as ours: the benchmark compares servers, not releases of scikit-learn.
_LEARN = ("scikit-learn==1.9.1", "numpy==2.4.6")


@dataclass(frozen=True)
class Server:
    """`script` is a file of `peers/`, run as `python SCRIPT MODEL PORT …`; by our own Python without requirements.

    A server that `prepares` is run once before, untimed, with `prepare` as its last argument. A server that adapts to
    the duration of its predictions is never `paused`: it would count the pause as a prediction.
    """

    name: str
    script: str
    settings: str
    speaks: Speaks
    health: str = "/health"
    requirements: Sequence[str] = ()
    options: Sequence[str] = ()
    prepares: bool = False
    predicts: bool = True
    paused: bool = True

    def command(self, model: Path, port: int) -> list[str]:
        """Return the command that serves `model`. Create its environment first if necessary.

        Raises:
            VenvUnavailable: The environment cannot be created.

        """
        if not self.script:
            options = ["--model", str(model), "--host", "127.0.0.1", "--port", str(port)]
            return [sys.executable, "-m", "server", *options, *self.options]
        python = sys.executable
        if self.requirements:
            python = str(venv(self.requirements[0].partition("==")[0], *self.requirements))
        return [python, str(PEERS / self.script), str(model), str(port), *self.options]


_SEED = Plain("/predict", "data")
_MLSERVER = ("mlserver==1.7.1", "mlserver-sklearn==1.7.1", "uvloop<0.22", *_LEARN)
_MLSERVER_HEALTH = "/v2/models/model/ready"

OURS = Server("KubeServe", "", "defaults", _SEED)
OURS_BY_CODE = Server("KubeServe, by code", "", "`--load code`", _SEED, options=("--load", "code"))
EMPTY = Server("empty Sanic", "sanic_empty.py", "Sanic and NumPy, no model", _SEED, predicts=False)
ECHO = Server("Sanic echo", "sanic_echo.py", "one process, no model, orjson", _SEED, predicts=False)
RECEIVER = Server(
    "bare receiver", "uvloop_receiver.py", "one process, no framework, no model", V2Binary(), predicts=False
)
"""Used for the large payload only."""
NAIVE = Server("naive Sanic", "sanic_naive.py", "one process", _SEED)
FASTAPI = Server(
    "FastAPI",
    "fastapi_uvicorn.py",
    "uvicorn, uvloop, httptools, `async def`, one process",
    _SEED,
    requirements=("fastapi==0.165.0", "uvicorn[standard]==0.54.0", *_LEARN),
)
MLSERVER = Server(
    "MLServer", "with_mlserver.py", "`parallel_workers: 0`, no batching", V2(), _MLSERVER_HEALTH, _MLSERVER
)
MLSERVER_BATCHING = Server(
    "MLServer, batching",
    "with_mlserver.py",
    "`parallel_workers: 0`, batches of 32 or 5 ms",
    V2(),
    _MLSERVER_HEALTH,
    _MLSERVER,
    options=("batch",),
)
BENTOML = Server(
    "BentoML",
    "with_bentoml.py",
    "one worker, batchable",
    Bare("/predict", "data"),
    "/readyz",
    ("bentoml==1.4.39", *_LEARN),
    paused=False,
)
LITSERVE = Server(
    "LitServe",
    "with_litserve.py",
    "one worker, one API server, batches of 64 or 5 ms",
    _SEED,
    requirements=("litserve==0.2.19", *_LEARN),
)
KSERVE = Server(
    "KServe SDK",
    "with_kserve.py",
    "V1, one worker, no gRPC",
    Plain("/v1/models/model:predict", "instances"),
    "/v1/models/model",
    ("kserve==0.21.0", *_LEARN),
)
MLFLOW = Server(
    "MLflow",
    "with_mlflow.py",
    "`mlflow models serve`, one worker",
    Plain("/invocations", "inputs"),
    "/ping",
    ("mlflow==3.17.2", *_LEARN),
    prepares=True,
)

CORE = (OURS, ECHO, NAIVE)
PEOPLE_SERVERS = (OURS, OURS_BY_CODE, NAIVE)
PLATFORMS = (MLSERVER, MLSERVER_BATCHING, BENTOML, LITSERVE, KSERVE, MLFLOW)
ALL = (*CORE, FASTAPI, *PLATFORMS)
