"""Run the real promtool."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Promtool:
    """Runs `promtool`."""

    program: Path

    def run(self, *arguments: str, given: str | None = None) -> tuple[int, str]:
        """Return the exit code and what promtool prints. `given` is its standard input."""
        command = [str(self.program), *arguments]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
