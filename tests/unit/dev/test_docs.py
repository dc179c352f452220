from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import server.settings
import watcher.settings
from dev import docs
from dev.docs import ARCHITECTURE, REFERENCE, ROOT, SECTIONS, filled
from server.telemetry.metrics import SPECS
from watcher.metrics import Metrics

OPERATIONS = ROOT / "docs" / "operations.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
FILE = re.compile(
    r"`(\w[\w./-]*(?:\.(?:py|yaml|tpl|toml|md|json)|/)|(?:server|watcher|requirements_txt|strict_http|tests|dev|manifests)/[\w./-]+)`"
)


@pytest.mark.parametrize("path", SECTIONS, ids=lambda path: path.name)
def test_documents_hold_the_sections_that_the_code_writes(path: Path) -> None:
    assert path.read_text() == filled(path)


def test_filled_raises_for_a_document_without_its_sections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty.md"
    empty.write_text("# Nothing\n")
    monkeypatch.setitem(docs.SECTIONS, empty, {"settings": docs.settings_table})
    with pytest.raises(ValueError, match=r"empty\.md must have exactly one section settings"):
        filled(empty)


def test_decisions_have_a_number_of_their_own_in_the_name_and_in_the_title() -> None:
    found = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [int(path.name.partition("-")[0]) for path in found]
    assert len(set(numbers)) == len(numbers)
    assert [path.read_text().split(".")[0] for path in found] == [f"# {number}" for number in numbers]


@pytest.mark.parametrize(
    "path", [ARCHITECTURE, CONTRIBUTING, *sorted((ROOT / "docs" / "adr").glob("*.md"))], ids=lambda path: path.name
)
def test_documents_name_only_files_that_exist(path: Path) -> None:
    names = FILE.findall(path.read_text())
    assert names or path.parent.name == "adr"
    assert not {name for name in names if not exists(name)}


def exists(name: str) -> bool:
    """Return whether the repository has this path; a bare file name may be in any folder."""
    return (ROOT / name).exists() or any(
        any((ROOT / room).rglob(name))
        for room in ("server", "watcher", "requirements_txt", "strict_http", "tests", "dev", "manifests")
    )


@pytest.mark.parametrize("path", [ROOT / "README.md", REFERENCE, OPERATIONS], ids=lambda path: path.name)
def test_documents_name_only_metrics_that_exist(path: Path) -> None:
    names = {spec.scraped for spec in SPECS}
    names |= {metric._name + ("_total" if metric._type == "counter" else "") for metric in Metrics().documented}
    names |= {f"{name}_bucket" for name in names}
    assert set(re.findall(r"\bkubeserve_[a-z_]+", path.read_text())) <= names


@pytest.mark.parametrize("path", [ROOT / "README.md", REFERENCE, OPERATIONS], ids=lambda path: path.name)
def test_documents_name_only_variables_that_exist(path: Path) -> None:
    fields = [f"KUBESERVE_{field.name.upper()}" for field in dataclasses.fields(watcher.settings.Settings)]
    secrets = [field.name for field in dataclasses.fields(watcher.settings.Settings) if field.metadata.get("secret")]
    fields += [f"KUBESERVE_{name.upper()}_FILE" for name in secrets]
    fields += [server.settings.variable(field) for field in dataclasses.fields(server.settings.Settings)]
    text = re.sub(r"MINIO_NOTIFY_WEBHOOK_\w+|KUBESERVE_(POD|SERVER)_…", "", path.read_text())
    assert set(re.findall(r"\bKUBESERVE_[A-Z0-9_]+", text)) <= set(fields)
