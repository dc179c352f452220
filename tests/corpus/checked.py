"""What `kubeserve check` says of ten files of the corpora, for docs/data-loading.md."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.corpus import store

FILES = (
    ("1.9.1", "RandomForestClassifier, three, xz"),
    ("1.9.1", "table, LogisticRegression"),
    ("1.9.1", "tf-idf, LogisticRegression"),
    ("1.9.1", "HistGradientBoostingClassifier, categories"),
    ("1.9.1", "GridSearchCV, SVC"),
    ("1.9.1", "GaussianProcessRegressor"),
    ("1.9.1", "PCA"),
    ("1.9.1", "StackingClassifier, three"),
    ("1.3.2", "RandomForestClassifier, three"),
    ("1.3.2", "HistGradientBoostingClassifier, matrix, two"),
)
"""(version, name in the corpus)."""

SHOWN = ("loaded", "compared")
"""The lines of its answer about how a file is loaded."""


def section() -> str:
    """Return a table of the files and what is said of each."""
    rows = ["| file | saved by | loaded | compared with joblib's |", "| --- | --- | --- | --- |"]
    for version, name in FILES:
        lines = check(version, name)
        rows.append(f"| {name} | {version} | {' | '.join(lines.get(each, '-') for each in SHOWN)} |")
    return "\n".join(rows)


def check(version: str, name: str) -> dict[str, str]:
    """Return the lines of `kubeserve check`, by their first word; of a file that cannot be served its reason.

    Raises:
        KeyError: the corpus has no such file.

    """
    folder = store.corpus(version)
    file = folder / json.loads((folder / "INDEX.json").read_text())["models"][name]["file"]
    command = [sys.executable, "-m", "server.check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=store.ROOT)
    lines = done.stdout.splitlines() or [f"loaded     {done.stderr.strip()}"]
    return {line.split()[0]: " ".join(line.split()[1:]).replace("|", "/") for line in lines if line.split()}
