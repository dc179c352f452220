"""Write the dashboards into manifests/charts/kubeserve/dashboards: `python -m dev.dashboards`. A test compares them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dev.dashboards import drift, models, watcher

FOLDER = Path(__file__).parents[2] / "manifests" / "charts" / "kubeserve" / "dashboards"


def dashboards() -> dict[str, dict[str, Any]]:
    """Return the dashboards by the names of their files."""
    return {"watcher.json": watcher.make(), "models.json": models.make(), "drift.json": drift.make()}


def text_of(dashboard: dict[str, Any]) -> str:
    """Return the content of a dashboard's file."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, dashboard in dashboards().items():
        (FOLDER / name).write_text(text_of(dashboard))
