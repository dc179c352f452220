"""What a model's server would say of a file, asked before the upload. Nothing of the file is run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from watcher.client.bundle import Bundle
from watcher.core.naming import ARTIFACT
from watcher.core.text import one_line

SECONDS = 300.0
"""Seconds. A model of gigabytes is read in one minute; the upload takes longer."""


class Outcome(StrEnum):
    """What the check found."""

    DATA = "data"
    CODE = "code"
    """It is not known as data: whether it loads is only known by running it, which is left to its pod."""
    BROKEN = "broken"
    UNKNOWN = "unknown"
    """The server's packages are not installed here, or the check itself failed."""


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome, why, and what the server noted."""

    outcome: Outcome
    text: str
    notes: tuple[str, ...] = ()


def checked(bundle: Bundle) -> Check:
    """Load the model as data in another process, as its server would. Nothing that the file names is imported."""
    with tempfile.TemporaryDirectory(prefix="kubeserve-check-") as folder:
        model = as_in_pod(bundle, Path(folder))
        command = [sys.executable, "-m", "server.check", str(model), "--load", "data", "--output", "json"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603 - our own module
            return outcome_of(json.loads(done.stdout))
        except (subprocess.TimeoutExpired, ValueError):
            return Check(Outcome.UNKNOWN, "the check itself failed: `kubeserve check` says more")


def as_in_pod(bundle: Bundle, folder: Path) -> Path:
    """Make the folder as the model's server will find it: its neighbours decide how it is loaded. Return the model."""
    for name, content in bundle.side_files.items():
        (folder / name).write_bytes(content)
    model = folder / ARTIFACT
    model.symlink_to(bundle.file.resolve())
    return model


def outcome_of(found: dict[str, Any]) -> Check:
    """Return what the answer of `python -m server.check --load data --output json` means. Pure."""
    notes = tuple(one_line(str(note)) for note in found.get("notes", ()))
    if found.get("servable"):
        saved = f", saved by {found['saved_by']}" if found["saved_by"] != found["library"] else ""
        return Check(Outcome.DATA, f"{', '.join(found['families'])} ({found['library']}{saved})", notes)
    outcome = {"needs_code": Outcome.CODE, "no_packages": Outcome.UNKNOWN}.get(str(found.get("cause")), Outcome.BROKEN)
    reason = one_line(str(found.get("reason", "")))
    return Check(outcome, reason.removeprefix("this model needs code: "), notes)
