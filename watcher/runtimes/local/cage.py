"""What a model's processes may do on this machine: their environment, their limits, and what bubblewrap hides.

With bubblewrap (`bwrap`) a model sees its own files, the programs, and nothing else: no other process, no network, no
home. Without it a model runs as the user who started the watcher, within limits (docs/adr/0023).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from watcher.core.text import one_line
from watcher.errors import Rejected
from watcher.runtimes.local import launcher

log = structlog.get_logger()
T = TypeVar("T")

MAX_PROCESSES = 256
"""Processes of one model. Servers have one, and some libraries start one for each core."""

FILE_BYTES = 1024**3
"""Bytes. The largest file that a model may write."""

TMP_BYTES = 256 * 1024**2
"""Bytes of a model's own /tmp, which is memory."""

PROBE_SECONDS = 10.0
"""Seconds. bwrap takes milliseconds."""

PASSED = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHASHSEED",
    "SSL_CERT_FILE",
)
PASSED_PREFIXES = ("LC_", "OMP_", "OPENBLAS_", "MKL_", "BLIS_", "NUMEXPR_", "KUBESERVE_SERVER_")
"""Variables that a model's server gets. All others may hold a key of the watcher, or of whoever started it."""

NO_USER_NAMESPACES = ("--disable-userns",)
"""Since bubblewrap 0.8: no further user namespace, in which a model would be root, and reach more of the kernel."""

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
ETC = ("alternatives", "group", "ld.so.cache", "localtime", "nsswitch.conf", "passwd", "ssl/certs")


@dataclass(frozen=True, slots=True)
class Cage:
    """How models are started. `bwrap` is the path of bubblewrap, or "" if models run as the watcher's user."""

    bwrap: str
    memory: int | None
    """Bytes of address space of one process; None: not limited."""
    more: tuple[str, ...] = ()
    """Options that only newer versions of bubblewrap have."""

    def server(self, command: list[str], folder: Path, grace: float) -> list[str]:
        """Return the command that runs a model's server for the files in `folder`, within all limits."""
        limits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": FILE_BYTES}
        if self.memory:
            limits["RLIMIT_AS"] = self.memory
        inside = sandbox(self.bwrap, folder, command, self.more) if self.bwrap else command
        return launched(inside, limits, grace)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a model's server, of the watcher's own: nothing that could be a key."""
        return {key: value for key, value in environ.items() if key in PASSED or key.startswith(PASSED_PREFIXES)}


NO_CAGE = Cage("", None)


def launched(command: list[str], limits: Mapping[str, int], grace: float) -> list[str]:
    """Return a command that runs `command` by the launcher. `grace`: seconds from the end of standard input."""
    too_many = f"the model started more than {MAX_PROCESSES} processes"
    options = {"limits": limits, "grace": grace, "processes": MAX_PROCESSES, "too_many": too_many}
    return [sys.executable, "-I", "-S", launcher.__file__, json.dumps(options), *command]


def sandbox(bwrap: str, folder: Path, command: list[str], more: Iterable[str] = ()) -> list[str]:
    """Return bubblewrap's command. Everything that is not named here does not exist for the model."""
    arguments = [bwrap, *more, "--die-with-parent", "--new-session", "--unshare-user", "--unshare-pid", "--unshare-net"]
    arguments += ["--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"]
    for path in SYSTEM:
        arguments += system_folder(Path(path))
    # Before the folders below, which may be in /tmp themselves.
    small = ["--size", str(TMP_BYTES), "--tmpfs"]
    arguments += ["--proc", "/proc", "--dev", "/dev", *small, "/dev/shm", *small, "/tmp"]  # noqa: S108
    for path in [f"/etc/{name}" for name in ETC] + [str(path) for path in code_folders()]:
        arguments += ["--ro-bind-try", path, path]
    arguments += ["--ro-bind", str(folder), str(folder)]
    arguments += ["--setenv", "HOME", "/tmp", "--setenv", "TMPDIR", "/tmp", "--chdir", "/tmp"]  # noqa: S108
    arguments += ["--setenv", "PYTHONPATH", os.pathsep.join(unique(str(path.parent) for path in packages()))]
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/", "--", *command]


def system_folder(path: Path) -> list[str]:
    """Return the arguments that show a folder of the system, which may be a link to another one."""
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind-try", str(path), str(path)]


def packages() -> list[Path]:
    """Return the folders of the server's own code. It is not imported here."""
    found = (importlib.util.find_spec(name) for name in ("server", "requirements_txt", "strict_http"))
    return [Path(spec.origin).parent for spec in found if spec and spec.origin]


def code_folders() -> Iterable[Path]:
    return unique([Path(sys.prefix), Path(sys.base_prefix), *packages()])


def unique(items: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(items))


def find(mode: str, memory: int | None) -> Cage:
    """Return the cage for `mode`: `auto`, `off` or `required`. Log it if models are not isolated.

    Raises:
        Rejected: bubblewrap is required, and does not work here.

    """
    if mode == "off":
        problem, bwrap = "--cage off", ""
    else:
        problem, bwrap = "bubblewrap (bwrap) is not installed", shutil.which("bwrap") or ""
    if bwrap and not problem_of(bwrap, NO_USER_NAMESPACES):
        return Cage(bwrap, memory, NO_USER_NAMESPACES)
    if bwrap and not (problem := problem_of(bwrap)):
        return Cage(bwrap, memory)
    if mode == "required":
        raise Rejected("NoCage", f"--cage required: {problem}")
    log.warning("models run as you: their code can read your files and stop your programs", reason=problem)
    return Cage("", memory)


def problem_of(bwrap: str, more: Iterable[str] = ()) -> str:
    """Return why bubblewrap cannot run a program here, or ""."""
    command = sandbox(bwrap, Path("/usr"), [sys.executable, "-I", "-S", "-c", ""], more)
    try:
        done = subprocess.run(  # noqa: S603 - the program of the user's PATH
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap cannot run: {one_line(str(error))}"
    return f"bubblewrap fails: {one_line(done.stderr.decode(errors='replace'))}" if done.returncode else ""
