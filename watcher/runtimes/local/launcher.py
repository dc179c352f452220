"""A program that starts one command within limits, and ends it to its last descendant. `python -I -S launcher.py`.

It is as small as a program in Python can be, for one runs for each model: no import beyond the standard library's
smallest. Arguments: a JSON object of options (`Options` in cage.py writes it), then the command.

The command ends: what it left behind is killed, also what made itself a daemon (on Linux, where a process can adopt its
descendants' orphans). SIGTERM, or the end of standard input and a time after it: everything is killed.
"""

import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from contextlib import suppress

PR_SET_CHILD_SUBREAPER = 36
LOOK_SECONDS = 0.5
"""Seconds between two counts of the processes."""

KILL_SECONDS = 5.0
"""Seconds in which killed processes are gone, unless the system itself hangs."""


def main() -> int:
    options, command = json.loads(sys.argv[1]), sys.argv[2:]
    for name, most in options["limits"].items():
        limit(getattr(resource, name), most)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    reader, asked_to_stop = wake_on_signals()
    child = os.posix_spawn(command[0], command, dict(os.environ))
    poll, deadline = select.poll(), None
    poll.register(reader, select.POLLIN)
    poll.register(0, 0)  # its end alone
    status, has_exceeded = None, False
    while status is None:
        for descriptor, _ in poll.poll(LOOK_SECONDS * 1000):
            if descriptor:
                reader.recv(4096)
            else:
                poll.unregister(0)
                deadline = time.monotonic() + options["grace"]
        if asked_to_stop or (deadline is not None and time.monotonic() >= deadline):
            kill_all()
        elif len(descendants()) > options["processes"]:
            has_exceeded = True
            sys.stderr.write(json.dumps({"level": "error", "reason": options["too_many"]}) + "\n")
            kill_all()
        status = reaped(child)
    kill_all()
    if has_exceeded:
        return 1  # the model's own fault, which SIGKILL is not
    if os.WIFSIGNALED(status):
        end_by(os.WTERMSIG(status))
    return os.waitstatus_to_exitcode(status)


def wake_on_signals() -> "tuple[socket.socket, list[int]]":
    """Return a socket that has bytes after a signal, and a list that is not empty after SIGTERM."""
    reader, writer = socket.socketpair()
    for end in (reader, writer):
        end.setblocking(False)
    asked_to_stop: list[int] = []
    signal.set_wakeup_fd(writer.detach())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: asked_to_stop.append(1))
    return reader, asked_to_stop


def end_by(number: int) -> None:
    """End this process by the signal that has ended the command."""
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def limit(number: int, most: int) -> None:
    """Lower a limit, which nothing that is started can raise again."""
    _, hard = resource.getrlimit(number)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(number, (most, most))


def reaped(child: int) -> "int | None":
    """Take the exit codes of all that has ended, and return the child's."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if not pid:
            return found
        if pid == child:
            found = status


def kill_all() -> None:
    """Kill every descendant. They are stopped first: otherwise those that fork could go on for ever."""
    until = time.monotonic() + KILL_SECONDS
    stopped: set[int] = set()
    while (found := set(descendants()) - stopped) and time.monotonic() < until:
        for pid in found:
            send(pid, signal.SIGSTOP)
        stopped |= found
    while (found := set(descendants())) and time.monotonic() < until:
        for pid in found:
            send(pid, signal.SIGKILL)
        time.sleep(0.01)
        if all(is_zombie(pid) for pid in found):
            return


def send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def descendants() -> "list[int]":
    """Return the processes below this one, on Linux."""
    found: list[int] = []
    parents = [os.getpid()]
    while parents:
        parent = parents.pop()
        children = children_of(parent)
        found += children
        parents += children
    return found


def children_of(pid: int) -> "list[int]":
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - pathlib would be the largest import
    except OSError:
        return []
    found: list[int] = []
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children") as file:  # noqa: PTH123 - pathlib would be the largest import
                found += map(int, file.read().split())
        except OSError:
            continue
    return found


def is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - pathlib would be the largest import
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


if __name__ == "__main__":
    sys.exit(main())
