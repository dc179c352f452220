"""The status page's files over a real socket; what the page does is tested in a browser (tests/browser)."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest

from watcher.control.status_board import StatusBoard
from watcher.core.types import ModelId, State
from watcher.page_routes import FOLDER, PATHS, TYPES, summary

OURS = [path for path in FOLDER.iterdir() if path.suffix in TYPES]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def models(board: StatusBoard) -> Iterator[None]:
    """Show two models."""
    iris, wine = ModelId("team", "iris"), ModelId("team", "wine")
    board.set(iris, State.READY)
    board.set(wine, State.FAILED, reason="not for everyone")
    yield
    board.drop(iris)
    board.drop(wine)


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read().decode()


def test_the_root_is_the_page_for_a_browser(port: int) -> None:
    status, headers, text = get(port, "/", Accept=BROWSER)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert text.startswith("<!doctype html>")
    assert headers["vary"] == "Accept"


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "", "image/png", "text/*"])
@pytest.mark.usefixtures("models")
def test_the_root_is_text_for_others(port: int, accept: str) -> None:
    status, headers, text = get(port, "/", Accept=accept)
    assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert text.startswith("KubeServe's watcher. Models: 1 Failed, 1 Ready.\n")
    assert all(path in text for path in PATHS)


@pytest.mark.usefixtures("models")
def test_the_root_is_json_where_that_is_asked_for(port: int) -> None:
    status, headers, text = get(port, "/", Accept="application/json")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(text) == {"models": {"Failed": 1, "Ready": 1}, "paths": PATHS}


def test_summary_of_no_model_says_so() -> None:
    assert "Models: none yet." in summary({})


@pytest.mark.parametrize("path", ["/", "/pages/status.js", "/pages/status.css", "/pages/icon.svg"])
def test_every_file_is_guarded_and_asked_for_again_only_if_it_changed(port: int, path: str) -> None:
    status, headers, _ = get(port, path, Accept=BROWSER)
    assert status == 200
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert headers["x-content-type-options"] == "nosniff"
    status, again, text = get(port, path, Accept=BROWSER, If_None_Match=headers["etag"])
    assert (status, again["etag"], text) == (304, headers["etag"], "")
    assert get(port, path, Accept=BROWSER, If_None_Match='"other"')[0] == 200


class Document(HTMLParser):
    """Collects the addresses of a document, and what its policy would forbid."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses, self.forbidden = list[str](), list[str]()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.addresses += [str(found[name]) for name in ("href", "src") if name in found]
        inline = tag == "style" or (tag == "script" and "src" not in found)
        self.forbidden += [tag] * inline + [name for name in found if name == "style" or name.startswith("on")]


def test_the_document_has_nothing_inline_and_relative_addresses_of_files_that_exist(port: int) -> None:
    document = Document()
    document.feed((FOLDER / "status.html").read_text())
    assert document.forbidden == []
    served = [address for address in document.addresses if not address.startswith("#")]
    assert "pages/status.js" in served
    assert {get(port, f"/{address}")[0] for address in served} == {200}


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.name))
def test_a_file_of_ours_names_no_other_host_and_makes_no_markup_of_text(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(https?:)?//\w+\.\w", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_vendored_files_have_a_licence_and_a_version() -> None:
    vendor, written = FOLDER / "vendor", (FOLDER / "vendor" / "README.md").read_text()
    for folder in filter(lambda path: path.is_dir(), vendor.iterdir()):
        assert (folder / "LICENSE").exists()
        assert re.search(rf"`{folder.name}` \|.*\| \d+\.\d+\.\d+ \| \w+ \|", written)
