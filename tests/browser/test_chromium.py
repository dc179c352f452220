"""The tests' own tools: a fault that is planted in a page is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from .chromium import Look, Page, is_foreign

FAULTY = """<!doctype html><title>Faulty</title><img src="http://kubeserve.invalid/a.png">
<p style="color:#ccc; width:2000px">pale and wide</p>"""

SOUND = """<!doctype html><html lang="en"><title>Sound</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><main><h1>Sound</h1><p id="theme"></p></main>
<script>document.getElementById("theme").textContent = matchMedia("(prefers-color-scheme: dark)").matches</script>"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "page.html"


def test_a_sound_page_has_no_violation_in_any_look(page: Page, look: Look, written: Path) -> None:
    written.write_text(SOUND)
    page.open(written.as_uri(), look)
    assert page.violations() == []
    assert page.overflow() == 0
    assert page.text("#theme") == str(look.theme == "dark").lower()
    assert page.run("return innerWidth") == look.width
    assert page.picture().startswith(b"\x89PNG")


def test_planted_faults_are_found(page: Page, look: Look, written: Path) -> None:
    written.write_text(FAULTY)
    page.open(written.as_uri(), look)
    rules = {violation.split(":")[0] for violation in page.violations()}
    assert {"image-alt", "color-contrast", "html-has-lang"} <= rules
    assert page.overflow() > 500
    assert "ERR_NAME_NOT_RESOLVED" in "".join(page.messages())
    assert page.foreign_requests() == ["http://kubeserve.invalid/a.png"]
    page.messages().clear()
    page._requested.clear()


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://127.0.0.1:1/a", False), ("data:,", False), ("file:///a", False), ("https://example.com/a.js", True)],
)
def test_is_foreign(url: str, expected: bool) -> None:
    assert is_foreign(url) is expected
