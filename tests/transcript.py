"""Run the commands of a document in a real terminal, tmux, and put what they print below them.

`python -m tests.transcript docs/tutorial.md` rewrites the `console` blocks: each line that begins with `$ ` is a
command, and the lines below it are its output. A `python` block that begins with `# NAME.py` is written to that file
first.
`make run` goes on in a terminal of its own, from a folder that has this repository's files and no models yet.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev import debian

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SCRIPT = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMPT, SERVE = "$ ", "make run"
GUIDE = "# Ctrl-C stops everything"
"""The last line of `make run` once the sample answers, but for a rule."""
COLUMNS, LINES = 120, 60
SECONDS = 300.0
SETTLED = 3.0
"""Seconds. What only looks is run again until it has printed the same for so long: LOADED comes after Ready."""
LOOKS = ("kubeserve status", "kubeserve history", "kubeserve predict", "kubeserve doctor")

Enough = Callable[[str], bool]
"""Returns whether an output is the one to keep."""

TIME_OF_DAY = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
MEASURED = r"(?<![\w.])\d+(?:\.\d+)*(?: ?(?:ms|[smhd]|min|B|[KMG]iB|[KM]B))?(?!\w)"
OTHER_EACH_TIME = re.compile(f"{TIME_OF_DAY}|{MEASURED}")
"""Times of day, ports, and durations, ages and sizes with their units. A version such as v2 is none of them."""
PASSING = re.compile(r"(seen|rolling|listen|poll|webhook|v\d+ is|\w+ disk)\b")
"""Lines that depend on the machine: the steps on the way to a state, the sources of events, the room on the disk."""


@dataclass(frozen=True)
class Command:
    """A command of a document, and the output below it."""

    text: str
    output: str


class Terminal:
    """A shell in tmux."""

    def __init__(self, server: Path, name: str, folder: Path, env: dict[str, str]) -> None:
        self._tmux, self._name, self._done = ["tmux", "-S", str(server), "-f", "/dev/null"], name, folder / f".{name}"
        self._done.touch()
        settings = {
            **env,
            "PS1": PROMPT,
            "PROMPT_COMMAND": f"echo >>{shlex.quote(str(self._done))}",
            "LC_ALL": "C.UTF-8",
        }
        settings["HISTFILE"] = "/dev/null"
        assignments = [f"{key}={value}" for key, value in settings.items()]
        shell = shlex.join(["env", "-i", *assignments, "bash", "--noprofile", "--norc"])
        size = ["-x", str(COLUMNS), "-y", str(LINES)]
        self._run("new-session", "-d", "-s", name, "-c", str(folder), *size, shell)
        self._wait(lambda: self._prompts() > 0)

    def type(self, text: str) -> None:
        """Type a command and Enter, on an empty screen."""
        self._run("send-keys", "-t", self._name, "C-l")
        self._wait(lambda: self._captured().strip() == PROMPT.strip())
        self._run("clear-history", "-t", self._name)
        self._run("send-keys", "-t", self._name, "-l", text)
        self._run("send-keys", "-t", self._name, "Enter")

    def run(self, text: str) -> str:
        """Return what a command prints until the prompt is back."""
        before = self._prompts()
        self.type(text)
        self._wait(lambda: self._prompts() > before)
        self._wait(lambda: self.screen().endswith("\n$"))
        return self.screen().removeprefix(f"{PROMPT}{text}\n").removesuffix("$").rstrip()

    def wait_for(self, text: str) -> str:
        """Return the screen as soon as it has the text."""
        self._wait(lambda: text in self.screen())
        return self.screen()

    def interrupt(self) -> None:
        """Press Ctrl-C, and wait for the prompt."""
        before = self._prompts()
        self._run("send-keys", "-t", self._name, "C-c")
        self._wait(lambda: self._prompts() > before)

    def screen(self) -> str:
        """Return all lines since the screen was cleared, with wrapped ones joined."""
        return self._captured("-S", "-")

    def _captured(self, *options: str) -> str:
        text = self._run("capture-pane", "-p", "-J", *options, "-t", self._name)
        return "\n".join(map(str.rstrip, text.rstrip().split("\n")))

    def _prompts(self) -> int:
        return self._done.read_text().count("\n")

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the terminal still shows:\n{self.screen()}")
            time.sleep(0.05)

    def _run(self, *arguments: str) -> str:
        return subprocess.run([*self._tmux, *arguments], check=True, capture_output=True, text=True).stdout


class Session:
    """A user's two terminals: one for `make run`, one for the commands."""

    def __init__(self, home: Path, server: Path) -> None:
        self.folder = home / "kubeserve"
        self.folder.mkdir()
        for path in ROOT.iterdir():
            if path.name not in {".kubeserve", ".git"}:
                (self.folder / path.name).symlink_to(path)
        # The cache of built tools is the developer's own; all other settings are those of a new user.
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        kept = {"HOME": str(home), "XDG_CACHE_HOME": cache, "TERM": "screen-256color", "PYTHON": sys.executable}
        path = f"{self.folder}/.venv/bin:{os.environ['PATH']}"
        self._home, self._env, self._socket = home, {**kept, "PATH": path}, server
        self._shell = Terminal(server, "user", self.folder, self._env)
        self._server: Terminal | None = None

    def output_of(self, command: str, is_enough: Enough) -> str:
        """Return what a command prints. One that only looks is repeated until that is enough."""
        if command == SERVE:
            return self._shown(self._served())
        deadline = time.monotonic() + SECONDS
        while True:
            found = self._shown(self._shell.run(command))
            if not command.startswith(LOOKS) or is_enough(found) or time.monotonic() > deadline:
                return found

    def close(self) -> None:
        """Stop `make run` as a user does."""
        if self._server:
            self._server.interrupt()

    def _served(self) -> str:
        self._server = Terminal(self._socket, "server", self.folder, self._env)
        self._server.type(SERVE)
        screen = self._server.wait_for(GUIDE)
        return f"…\n{screen[screen.index('─' * 9) :]}"

    def _shown(self, text: str) -> str:
        """Return the text with the folder as in a home of its own."""
        return text.replace(str(self._home), "~")


@contextmanager
def session() -> Iterator[Session]:
    """Open the terminals in a home folder of their own, and end everything that was started in them.

    Raises:
        PackagesMissing: there is no tmux.

    """
    debian.install({"tmux": "tmux"})
    with tempfile.TemporaryDirectory(prefix="kubeserve-tutorial-", ignore_cleanup_errors=True) as folder:
        home = Path(folder).resolve()
        server = home / ".tmux"
        opened = Session(home, server)
        try:
            yield opened
        finally:
            opened.close()
            subprocess.run(["tmux", "-S", str(server), "kill-server"], check=False, capture_output=True)


def commands(block: str) -> list[Command]:
    """Return the commands of a block."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [Command(first, rest.rstrip()) for first, _, rest in (part.partition("\n") for part in parts)]


def scripts(document: str) -> dict[str, str]:
    """Return the files that the reader is told to write."""
    return {name: f"# {name}\n{text}" for name, text in SCRIPT.findall(document)}


def masked(output: str) -> list[str]:
    """Return what of an output is the same each time."""
    lines = [" ".join(OTHER_EACH_TIME.sub("N", line).split()) for line in output.splitlines()]
    return [re.sub(r"─+|━+", "─", line) for line in lines if not PASSING.match(line)]


def settled(_: Command) -> Enough:
    """Return whether an output is the same for long enough, as a function of the next one."""
    last, since = [""], 0.0

    def is_enough(output: str) -> bool:
        nonlocal last, since
        if masked(output) != last:
            last, since = masked(output), time.monotonic()
        return time.monotonic() - since > SETTLED

    return is_enough


def recorded(document: str, enough_of: Callable[[Command], Enough] = settled) -> str:
    """Return the document with what its commands print now."""
    with session() as user:
        for name, text in scripts(document).items():
            (user.folder / name).write_text(text)

        def again(found: re.Match[str]) -> str:
            lines = []
            for command in commands(found[1]):
                output = user.output_of(command.text, enough_of(command))
                print(f"$ {command.text}", output, sep="\n", flush=True)
                lines += [f"$ {command.text}", *([output] if output else [])]
            return "\n".join(["```console", *lines, "```"])

        return BLOCK.sub(again, document)


def main(paths: list[str]) -> int:
    """Record each document anew."""
    for path in map(Path, paths):
        path.write_text(recorded(path.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
