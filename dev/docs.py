"""Write the README's tables from the code that they describe: `python -m dev.docs [--check]`."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import server.settings
from server.telemetry.metrics import SPECS
from watcher.metrics import Metrics
from watcher.settings import Settings

README = Path(__file__).parents[1] / "README.md"


def settings_table() -> str:
    """Every flag with its variables, default and meaning."""
    rows = ["| flag | environment | default | meaning |", "| --- | --- | --- | --- |"]
    for field in dataclasses.fields(Settings):
        names = [f"KUBESERVE_{field.name.upper()}", *field.metadata.get("env", ())]
        variables = ", ".join(f"`{name}`" for name in names)
        default = "" if field.default == "" else f"`{str(field.default).lower()}`"
        rows.append(f"| `--{field.name.replace('_', '-')}` | {variables} | {default} | {field.metadata['doc']} |")
    return "\n".join(rows)


def server_settings_table() -> str:
    """Every flag of a model's server with its variable, default and meaning."""
    rows = ["| flag | environment | default | meaning |", "| --- | --- | --- | --- |"]
    for field in dataclasses.fields(server.settings.Settings):
        default = "" if field.default in ("", dataclasses.MISSING) else f"`{str(field.default).lower()}`"
        names = f"`{server.settings.flag(field)}` | `{server.settings.variable(field)}`"
        rows.append(f"| {names} | {default} | {field.metadata['doc']} |")
    return "\n".join(rows)


def metrics_table() -> str:
    """Every metric of the watcher's own, with its labels."""
    rows = ["| name | labels | meaning |", "| --- | --- | --- |"]
    for metric in Metrics().own:
        name = metric._name + ("_total" if metric._type == "counter" else "")  # noqa: SLF001 - no public name
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001 - no public name
        rows.append(f"| `{name}` | {labels} | {metric._documentation} |")  # noqa: SLF001 - no public name
    return "\n".join(rows)


def server_metrics_table() -> str:
    """Every metric of a model's server, as it is scraped; `model_name` and `model_version` are on all of them."""
    rows = ["| name | labels | meaning |", "| --- | --- | --- |"]
    for spec in SPECS:
        labels = ", ".join(f"`{label}`" for label in spec.labels)
        rows.append(f"| `{spec.scraped}` | {labels} | {spec.meaning} |")
    return "\n".join(rows)


def filled(text: str) -> str:
    """The README with its tables as they should be."""
    tables = (
        ("settings", settings_table()),
        ("server-settings", server_settings_table()),
        ("watcher-metrics", metrics_table()),
        ("server-metrics", server_metrics_table()),
    )
    for name, table in tables:
        pattern = rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL)  # type: ignore[misc]
    return text


def main() -> int:
    text = README.read_text()
    wanted = filled(text)
    if "--check" in sys.argv:
        if text != wanted:
            print("README.md is not current: run `make docs`", file=sys.stderr)
        return int(text != wanted)
    README.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
