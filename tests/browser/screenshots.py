"""`make screenshots`: write the pictures of the README from real pages, with real models that are called."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from selenium.webdriver import Chrome

from dev import debian
from tests.integration.driving import Watcher, eventually

from .chromium import DESKTOP, PHONE, PROGRAMS, Look, Page, started, tab
from .site import Site, fill, visitors

IMAGES = Path(__file__).parents[2] / "docs" / "images"
POINTS = 40
"""Points of a sparkline until it looks like one."""

PICTURES = {
    "status-light": Look(DESKTOP, 720, "light"),
    "status-dark": Look(DESKTOP, 720, "dark"),
    "status-phone": Look(PHONE, 800, "light"),
}


def main() -> int:
    try:
        debian.install(PROGRAMS)
    except debian.PackagesMissing as error:
        print(f"make screenshots: {error}", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kubeserve-") as folder:
        site = Site(Path(folder))
        with site.watcher() as watcher, started(*(str(shutil.which(name)) for name in PROGRAMS)) as driver:
            fill(site, watcher)
            picture_all(site, watcher, driver)
    return 0


def picture_all(site: Site, watcher: Watcher, driver: Chrome) -> None:
    iris, wine = watcher.model("iris")["url"], watcher.model("wine")["url"]
    with visitors({iris: 4, wine: 4}):
        eventually(lambda: all(len(model["rate"]) > POINTS for model in watcher.get("/traffic").json()["models"]))
        for name, look in PICTURES.items():
            with tab(driver) as page:
                page.open(site.url, look)
                page.eventually(lambda page=page: len(page.all(".spark canvas")) > 1)
                page.eventually(lambda page=page: page.all("#events li"))
                write(name, page)
    with tab(driver) as page:
        page.open(wine, Look(DESKTOP, 900, "light"))
        try_it(page)
        write("try-it", page)


def try_it(page: Page) -> None:
    """Predict the example that the page is filled with."""
    page.eventually(lambda: page.find("#send").is_displayed())
    page.find("#send").click()
    page.eventually(lambda: page.text("#explanation"))


def write(name: str, page: Page) -> None:
    path = IMAGES / f"{name}.png"
    path.write_bytes(page.picture())
    print(f"{path.relative_to(Path.cwd())}: {path.stat().st_size // 1000} KB")


if __name__ == "__main__":
    sys.exit(main())
