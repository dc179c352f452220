from __future__ import annotations

import json
from pathlib import Path

import pytest

from requirements_txt.parsing import parse
from server.install.program import report

METADATA = "Metadata-Version: 2.1\nName: {0}\nVersion: {1}\n"


def reported(folder: Path, monkeypatch: pytest.MonkeyPatch, **texts: str | bytes | None) -> str:
    """Return the packages that are reported of `x==1.0` and of further folders with these texts as their METADATA."""
    for name, text in {"x-1.0": METADATA.format("x", "1.0"), **texts}.items():
        made = folder / "packages" / f"{name}.dist-info"
        made.mkdir(parents=True)
        if text is not None:
            (made / "METADATA").write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "message").touch()
    monkeypatch.setenv("KUBESERVE_TERMINATION_LOG", str(folder / "message"))
    report(folder / "packages")
    return str(json.loads((folder / "message").read_text())["packages"])


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "Name: stray\n",
        "Version: 1.0\n",
        METADATA.format("stray", "of today"),
        METADATA.format("stray", "1.*"),
        METADATA.format("str ay", "1.0"),
        METADATA.format("stray>=0,", "1.0"),
        METADATA.format("..", "1.0"),
        METADATA.format("#", "1.0"),
        METADATA.format("stray==1.0\n other", "1.0"),
        b"Name: \xff\nVersion: 1.0\n",
    ],
)
def test_report_of_a_stray_folder_leaves_it_out(
    text: str | bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reported(tmp_path, monkeypatch, stray=text) == "x==1.0"


def test_report_of_a_name_with_two_versions_leaves_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = {"a_b-1.0": METADATA.format("A.B", "1.0"), "a_b-2.0": METADATA.format("a-b", "2.0")}
    assert reported(tmp_path, monkeypatch, **twice) == "x==1.0"


def test_report_is_what_a_later_pod_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = reported(tmp_path, monkeypatch, local=METADATA.format("My_Package", "2!1.0.post1+cpu"))
    assert found == "my-package==2!1.0.post1+cpu x==1.0"
    assert all(item.is_exact for item in parse(found.replace(" ", "\n").encode()))
