"""Write the generated sections of the documents from the code that they describe: `python -m dev.docs [--check]`."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import server.settings
from server.telemetry.metrics import SPECS
from tests import models_of_people
from tests.chaos import rows
from watcher.core.ceilings import BOUNDED
from watcher.metrics import Metrics
from watcher.runtimes.base import Runtime
from watcher.settings import Settings
from watcher.sources.base import Source

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference.md"
OPERATIONS = ROOT / "docs" / "operations.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
PROTOCOLS = ROOT / "docs" / "protocols.md"
RELIABILITY = ROOT / "docs" / "reliability.md"


def settings_table() -> str:
    """Return the watcher's flags with their variables, default and meaning."""
    rows = ["| flag | environment | default | meaning |", "| --- | --- | --- | --- |"]
    for field in dataclasses.fields(Settings):
        names = [f"KUBESERVE_{field.name.upper()}", *field.metadata.get("env", ())]
        if field.metadata.get("secret"):
            names.append(f"{names[0]}_FILE")
        variables = ", ".join(f"`{name}`" for name in names)
        default = "" if field.default == "" else f"`{str(field.default).lower()}`"
        flag = "" if field.metadata.get("secret") else f"`--{field.name.replace('_', '-')}`"
        rows.append(f"| {flag} | {variables} | {default} | {field.metadata['doc']} |")
    return "\n".join(rows)


def server_settings_table() -> str:
    """Return the flags of a model's server with their variable, default and meaning."""
    rows = ["| flag | environment | default | meaning |", "| --- | --- | --- | --- |"]
    for field in dataclasses.fields(server.settings.Settings):
        default = "" if field.default in ("", dataclasses.MISSING) else f"`{str(field.default).lower()}`"
        names = f"`{server.settings.flag(field)}` | `{server.settings.variable(field)}`"
        rows.append(f"| {names} | {default} | {field.metadata['doc']} |")
    return "\n".join(rows)


def metrics_table() -> str:
    """Return the watcher's metrics with their labels."""
    rows = ["| name | labels | meaning |", "| --- | --- | --- |"]
    for metric in Metrics().documented:
        name = metric._name + ("_total" if metric._type == "counter" else "")  # noqa: SLF001 - no public name
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001 - no public name
        rows.append(f"| `{name}` | {labels} | {metric._documentation} |")  # noqa: SLF001 - no public name
    return "\n".join(rows)


def server_metrics_table() -> str:
    """Return the metrics of a model's server by their scraped names; all have `model_name` and `model_version`."""
    rows = ["| name | labels | meaning |", "| --- | --- | --- |"]
    for spec in SPECS:
        labels = ", ".join(f"`{label}`" for label in spec.labels)
        rows.append(f"| `{spec.scraped}` | {labels} | {spec.meaning} |")
    return "\n".join(rows)


def ceilings_table() -> str:
    """Return the operator's ceilings with what each bounds."""
    rows = ["| ceiling | bounds in a `values.yaml` | of |", "| --- | --- | --- |"]
    for name, bounded in BOUNDED.items():
        paths = ", ".join(f"`{path}`" for path in bounded.paths)
        rows.append(f"| `{name}` | {paths} | {bounded.meaning} |")
    return "\n".join(rows)


def source_of(protocol: type[Any]) -> str:
    """Return a protocol's source as a block of code."""
    path = Path(inspect.getfile(protocol)).relative_to(ROOT)
    return f"`{path}`:\n\n```python\n{inspect.getsource(protocol).rstrip()}\n```"


SECTIONS: dict[Path, dict[str, Callable[[], str]]] = {
    REFERENCE: {
        "settings": settings_table,
        "server-settings": server_settings_table,
        "watcher-metrics": metrics_table,
        "server-metrics": server_metrics_table,
    },
    OPERATIONS: {"ceilings": ceilings_table},
    ARCHITECTURE: {
        "source-protocol": lambda: source_of(Source),
        "runtime-protocol": lambda: source_of(Runtime),
    },
    PROTOCOLS: {
        "request-forms": models_of_people.overview,
        "request-bodies": models_of_people.bodies,
    },
    RELIABILITY: {"faults": rows.table},
}
"""The sections of each document, and what writes them."""


def filled(path: Path) -> str:
    """Return the document with its generated sections as they should be.

    Raises:
        ValueError: The document has no such section, or has it twice.

    """
    text = path.read_text()
    for name, written in SECTIONS[path].items():
        pattern = rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- /{name} -->)"
        section = written()
        text, count = re.subn(pattern, lambda found, new=section: f"{found[1]}{new}\n{found[2]}", text, flags=re.DOTALL)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"{path.name} must have exactly one section {name}, and has {count}")
    return text


def main() -> int:
    """Write the sections, or with `--check` report those that differ from the code."""
    old = [path for path in SECTIONS if path.read_text() != filled(path)]
    if "--check" in sys.argv:
        for path in old:
            print(f"{path.relative_to(ROOT)} is not current: run `make docs`", file=sys.stderr)
        return int(bool(old))
    for path in old:
        path.write_text(filled(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
