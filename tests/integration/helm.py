"""Run the real Helm, and return what it renders as plain data."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).parents[2] / "manifests" / "charts"


@dataclass(frozen=True)
class Helm:
    """Runs `helm`, with a `kubeconfig` for that cluster."""

    program: Path
    kubeconfig: Path | None = None

    def run(self, *arguments: str, values: str | None = None, fails: bool = False) -> str:
        """Return what `helm` prints, or its errors if it should fail. `values` is the text of a values file."""
        cluster = ["--kubeconfig", str(self.kubeconfig)] if self.kubeconfig else []
        file = ["-f", "-"] if values is not None else []
        command = [str(self.program), *arguments, *file, *cluster]
        done = subprocess.run(command, input=values, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == fails, done.stderr or done.stdout
        return done.stderr if fails else done.stdout

    def template(self, release: str, chart: str, namespace: str, values: str, *arguments: str) -> list[dict[str, Any]]:
        """Return the objects that `helm template` prints."""
        text = self.run("template", release, str(CHARTS / chart), "-n", namespace, *arguments, values=values)
        return [item for item in yaml.safe_load_all(text) if item]
