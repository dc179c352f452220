"""A page in the real Chromium, without a window, and what it did: messages in its console, requests, violations."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from dev import axe_core
from tests.integration.driving import eventually

PROGRAMS = {"chromium": "chromium", "chromedriver": "chromium-driver"}
"""Program → Debian package. The two come from one source, so their versions fit."""

LOCAL_SCHEMES = ("about", "blob", "chrome", "data", "file")

ARGUMENTS = (
    *("--headless=new", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"),
    "--no-sandbox",  # root has none, and it opens pages of ours only
    "--force-color-profile=srgb",
    "--hide-scrollbars",
)


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is shown."""

    width: int = 1280
    height: int = 900
    theme: str = "light"

    def __str__(self) -> str:
        return f"{self.width}-{self.theme}"


DESKTOP, PHONE = 1280, 390
LOOKS = tuple(Look(width, theme=theme) for width in (DESKTOP, PHONE) for theme in ("light", "dark"))
"""Desktop and phone, light and dark: every page is tested in each."""


@contextmanager
def started(chromium: str, chromedriver: str) -> Iterator[Chrome]:
    """Start the browser, and stop it."""
    options = ChromeOptions()
    options.binary_location = chromium
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options, ChromeService(chromedriver))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """A tab of its own for one test."""

    def __init__(self, driver: Chrome) -> None:
        self.driver, self._messages, self._requested = driver, list[str](), list[str]()

    def open(self, url: str, look: Look | None = None) -> None:
        """Open a URL, and wait until it is loaded."""
        if look:
            self.show(look)
        self.driver.get(url)

    def leave(self) -> None:
        """Close the page before its server ends, which would be an error in its console."""
        self.driver.get("about:blank")

    def show(self, look: Look) -> None:
        """Set the size of the window, and the theme that the system prefers."""
        size = {"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": look.width <= PHONE}
        self._command("Emulation.setDeviceMetricsOverride", **size)
        features = [
            {"name": "prefers-color-scheme", "value": look.theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},  # half-way through a fade, a contrast is too low
        ]
        self._command("Emulation.setEmulatedMedia", features=features)

    def find(self, css: str) -> WebElement:
        """Return the first element; wait for it."""
        return self.eventually(lambda: self.all(css))[0]

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str = "body") -> str:
        """Return the text that a reader of the first such element sees."""
        return self.find(css).text

    def eventually(self, look: Callable[[], Any]) -> Any:
        """Return the first true result of `look`. An element that the page replaced meanwhile is looked up again."""

        def found() -> Any:
            try:
                return look()
            except StaleElementReferenceException as error:
                raise LookupError(str(error.msg)) from error

        return eventually(found)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript in the page, and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def violations(self) -> list[str]:
        """Return what axe-core finds wrong in the page as it is now: the rule, the element, and why."""
        self.run("if (!window.axe) { " + axe_core.script() + " }")
        found = self.driver.execute_async_script("const done = arguments[0]; axe.run(document).then(done)")
        return [
            f"{rule['id']}: {node['html'][:200]}: {' '.join(node['failureSummary'].split())}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return int(self.run("const root = document.documentElement; return root.scrollWidth - root.clientWidth"))

    def messages(self) -> list[str]:
        """Return the warnings and errors in the console since the test began: those of scripts, CSP and requests."""
        log = self.driver.get_log("browser")
        self._messages += [entry["message"] for entry in log if entry["level"] in ("WARNING", "SEVERE")]
        return self._messages

    def foreign_requests(self) -> list[str]:
        """Return the URLs of requests to another host than loopback since the test began."""
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                self._requested.append(event["params"]["request"]["url"])
        return [url for url in self._requested if is_foreign(url)]

    def picture(self) -> bytes:
        """Return the window as a PNG."""
        return base64.b64decode(self._command("Page.captureScreenshot", format="png")["data"])

    def _command(self, name: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, arguments)


def is_foreign(url: str) -> bool:
    """Return whether a request for this URL leaves the machine."""
    parts = urlsplit(url)
    return parts.scheme not in LOCAL_SCHEMES and parts.hostname not in ("127.0.0.1", "localhost")


@contextmanager
def tab(driver: Chrome) -> Iterator[Page]:
    """Open a tab, and close it with everything that its pages stored."""
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    page = Page(driver)
    page.messages(), page.foreign_requests()  # those of other tabs
    page._messages.clear(), page._requested.clear()
    try:
        yield page
    finally:
        driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
        driver.close()
        driver.switch_to.window(first)
