"""The status page at the watcher's `/`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3
from sanic import Sanic
from selenium.webdriver.common.keys import Keys

from tests.integration.driving import model
from tests.unit.watcher.conftest import Healthy
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.control.traffic_board import TrafficBoard
from watcher.core.traffic import Traffic
from watcher.core.types import ModelId, Pods, State
from watcher.metrics import Metrics
from watcher.sources.base import Reporter
from watcher.sources.webhook import Webhook
from watcher.web import WebServer, address_of, create_app, open_socket

from .chromium import DESKTOP, PHONE, Look, Page
from .site import ESCAPE, HOSTILE, Site


def names(page: Page) -> list[str]:
    """Return the models that are shown."""
    return [node.text for node in page.all("#list > li h2") if node.is_displayed()]


def row(page: Page, name: str) -> Any:
    """Return the row of a model."""
    return page.eventually(lambda: next((node for node in page.all("#list > li") if f"/{name}" in node.text), None))


def open_row(page: Page, name: str) -> Any:
    """Open a model's row, and return it when its events are there."""
    found = row(page, name)
    found.find_element("css selector", "h2 button").click()
    page.eventually(lambda: found.find_elements("css selector", ".details .events li"))
    return found


def test_every_look_has_no_violation_closed_or_open(page: Page, look: Look, filled: Site) -> None:
    page.open(filled.url, look)
    page.find("#list > li")
    page.find(".spark canvas")
    assert page.violations() == []
    assert page.overflow() == 0
    open_row(page, "churn")
    open_row(page, "iris")
    page.find(".chart canvas")
    assert page.violations() == []
    assert page.overflow() == 0


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_a_model_shows_its_state_version_replicas_and_traffic(page: Page, filled: Site, width: int) -> None:
    page.open(filled.url, Look(width))
    facts = page.eventually(lambda: row(page, "iris").text if "ms" in row(page, "iris").text else "")
    assert "Ready" in facts
    assert "v2" in facts
    assert "1/1" in facts
    assert "0 %" in facts
    assert "Replicas" in facts  # also where a head of columns shows it, for screen readers
    assert page.find("#columns").is_displayed() == (width == DESKTOP)


def test_a_failed_model_says_why_and_which_version_still_serves(page: Page, filled: Site) -> None:
    page.open(filled.url)
    found = row(page, "churn")
    assert "2026-10 → 2026-11" in found.text
    assert "model.joblib is not a model that joblib can load" in found.text
    opened = open_row(page, "churn").text
    assert "Versions in the bucket" in opened
    assert "keeps serving" in opened


def test_what_happened_refused_keys_and_sources_are_listed(page: Page, filled: Site) -> None:
    page.open(filled.url)
    page.eventually(lambda: "risk/scores" in page.text("#events"))
    assert "demo/digits/v1/model.pkl" in page.text("#refused-list")
    assert "Live\npoll" in page.text("#sources-list")
    assert "Off\nwebhook" in page.text("#sources-list")


def test_filter_by_text_and_by_state(page: Page, filled: Site) -> None:
    page.open(filled.url)
    page.eventually(lambda: len(names(page)) == 4)
    page.find("body").send_keys("/")
    page.driver.switch_to.active_element.send_keys("SHOP/")
    assert [name.split("/")[1] for name in names(page)] == ["churn", "wine"]
    assert page.text("#shown") == "2 of 4 models"
    page.find('[data-chip="Failed"]').click()
    assert [name.split("/")[1] for name in names(page)] == ["churn"]
    assert page.find('[data-chip="Failed"]').get_attribute("aria-pressed") == "true"
    page.find("#filter").send_keys("nothing")
    assert page.text("#shown") == "No model fits the filter."


def test_the_keyboard_alone_opens_a_model(page: Page, filled: Site) -> None:
    page.open(filled.url)
    row(page, "churn")
    page.find("body").send_keys(Keys.TAB)
    assert page.driver.switch_to.active_element.text == "Skip to the models"
    for _ in range(30):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        if page.driver.switch_to.active_element.text.endswith("/churn"):
            break
    button = page.driver.switch_to.active_element
    button.send_keys(Keys.ENTER)
    assert button.get_attribute("aria-expanded") == "true"


def test_the_theme_button_is_remembered(page: Page, filled: Site) -> None:
    def ground() -> str:
        return str(page.run("return getComputedStyle(document.body).backgroundColor"))

    page.open(filled.url, Look(theme="dark"))
    dark = ground()
    page.find("#theme").click()
    assert page.text("#theme") == "Theme: light"
    light = ground()
    assert light != dark
    page.open(filled.url)
    assert ground() == light
    page.show(Look(theme="light"))
    page.find("#theme").click()
    assert ground() == dark


def test_no_model_yet_says_how_to_push_and_the_first_one_appears_without_a_reload(
    page: Page, look: Look, site: Site
) -> None:
    with site.watcher() as watcher:
        page.open(site.url, look)
        assert "kubeserve push model.joblib --name iris" in page.eventually(lambda: page.text("#empty"))
        assert page.violations() == []
        assert page.overflow() == 0
        page.run("window.stays = true")
        site.put("team/iris/v1/model.joblib", model("one"))
        page.eventually(lambda: "Ready" in row(page, "iris").text)
        page.eventually(lambda: page.text("#news") == "team/iris: Ready")
        assert not page.find("#empty").is_displayed()
        site.put("team/iris/v2/model.joblib", b"broken")
        page.eventually(lambda: "Failed" in row(page, "iris").text)
        page.eventually(lambda: page.text("#news").startswith("team/iris: Failed, "))
        page.eventually(lambda: "Failed" in page.text("#events"))
        site.put("team/empty/v1/model.joblib", b"")  # rejected when it is first seen
        page.eventually(lambda: page.text("#news").startswith("team/empty: Rejected, "))
        site.delete("team/empty/v1/model.joblib")
        page.eventually(lambda: page.text("#news") == "team/empty: removed")
        assert page.run("return window.stays")
        assert watcher.state("iris") == "Failed"
        page.leave()


def test_a_broken_stream_is_said_and_a_new_watcher_is_live_again(page: Page, site: Site) -> None:
    with site.watcher():
        page.open(site.url)
        page.eventually(lambda: page.text("#connection") == "Live")
    page.eventually(lambda: page.text("#connection").startswith("Connection lost"))
    assert page.violations() == []
    with site.watcher():
        page.eventually(lambda: page.text("#connection") == "Live again")
    page.eventually(lambda: page.text("#connection").startswith("Connection lost"))
    allowed = (
        "ERR_CONNECTION_REFUSED",
        "ERR_INCOMPLETE_CHUNKED_ENCODING",
        "ERR_CONNECTION_RESET",
        "ERR_EMPTY_RESPONSE",
    )
    assert [message for message in page.messages() if not any(name in message for name in allowed)] == []
    page.messages().clear()


def test_markup_and_escapes_of_uploaders_are_text(page: Page, site: Site) -> None:
    site.put(f"team/{HOSTILE}/v1/model.joblib", b"")
    site.put(f"team/iris/v1{ESCAPE}/model.joblib", model("one"))
    site.put("team/fraud/v1/model.joblib", model("one"))
    site.put("team/fraud/values.yaml", json.dumps({HOSTILE: ESCAPE}).encode())
    with site.watcher() as watcher:
        page.open(site.url)
        page.eventually(lambda: HOSTILE in page.text("#refused-list"))
        page.eventually(lambda: HOSTILE in row(page, "fraud").text)
        assert HOSTILE in open_row(page, "fraud").text
        assert page.driver.title == "KubeServe"
        assert page.run("return document.querySelectorAll('main img').length") == 0
        assert not {"\x1b", "\x07"} & {*page.run("return document.body.textContent")}
        assert watcher.state("fraud") == "Rejected"
        page.leave()


@contextmanager
def app_of(board: StatusBoard, traffic: TrafficBoard) -> Iterator[str]:
    """Serve the page of a board, and yield its URL."""
    webhook = Webhook("", "models", Reporter("webhook", lambda _: None, SourceHealth()))
    with open_socket("127.0.0.1:0") as sock:
        app = create_app(board, SourceHealth(), Metrics(), webhook, Healthy(), traffic=traffic, bucket="models")
        server = WebServer(app, sock)
        server.start()
        try:
            yield f"http://{address_of(sock)}/"
        finally:
            server.stop()
            Sanic.unregister_app(app)


def test_a_thousand_models_are_shown_filtered_and_updated(page: Page) -> None:
    board, traffic = StatusBoard(), TrafficBoard()
    models = [ModelId(f"team-{number % 7}", f"model-{number:04}") for number in range(1000)]
    for each in models:
        board.set(each, State.READY, version="v1", url="http://a", pods=Pods("v1", 2, 2))
    for rate in (1.0, 2.0):
        traffic.publish({each: Traffic(rate, 0.001, 0.0) for each in models})
    with app_of(board, traffic) as url:
        page.open(url)
        page.eventually(lambda: page.run("return document.querySelectorAll('#list > li').length") == 1000)
        assert page.run("return [...document.querySelectorAll('#list h2')].every((node, index, all) => "
                        "!index || all[index - 1].textContent < node.textContent)")  # fmt: skip
        assert page.run("return document.querySelectorAll('.spark canvas').length") < 100
        page.find("#filter").send_keys("0777")
        assert page.text("#shown") == "1 of 1000 models"
        board.set(models[777], State.FAILED, version="v1", url="http://a", reason="too large")
        page.eventually(lambda: "too large" in row(page, "model-0777").text)
        board.drop(models[777])
        page.eventually(lambda: page.text("#models-count") == "999")
        page.eventually(lambda: page.text("#shown") == "No model fits the filter.")
        page.leave()


def test_the_page_works_below_a_path(page: Page, filled: Site) -> None:
    """As behind `kubectl proxy`, an Ingress or the API server: the page asks for nothing outside of its own path."""
    page.open(filled.url)
    row(page, "iris")
    asked = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert asked
    files = {urllib3.util.parse_url(url).path.split("/")[1] for url in asked}
    assert files <= {"pages", "status", "stream", "timeline", "traffic"}
    written = "".join(urllib3.request("GET", url).data.decode() for url in asked if url.endswith((".js", ".css")))
    document = urllib3.request("GET", filled.url, headers={"Accept": "text/html"}).data.decode()
    assert 'href="/' not in document
    assert 'src="/' not in document
    assert 'fetch("/' not in written
    assert 'EventSource("/' not in written
