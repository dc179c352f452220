"""The browser, and a real watcher with real servers. What is missing fails the tests; none is skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from dev import debian
from tests.integration.driving import eventually

from .chromium import LOOKS, PROGRAMS, Look, Page, started, tab
from .site import Site, fill, visitors


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    """Return one Chromium for all tests."""
    try:
        debian.install(PROGRAMS)
    except debian.PackagesMissing as error:
        pytest.fail(f"The tests need the real Chromium: {error}", pytrace=False)
    with started(*(str(shutil.which(program)) for program in PROGRAMS)) as driver:
        yield driver


@pytest.fixture
def page(browser: Chrome) -> Iterator[Page]:
    """Return a tab. After the test its console must be empty, and no request may have left the machine.

    A test that causes messages on purpose takes them out of `page.messages()`.
    """
    with tab(browser) as found:
        yield found
        assert found.messages() == []
        assert found.foreign_requests() == []


@pytest.fixture(params=LOOKS, ids=str)
def look(request: Any) -> Look:
    """Return each way to show a page: at desktop and phone width, light and dark."""
    return request.param


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return an empty folder for a watcher that the test starts."""
    return Site(tmp_path)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a running watcher with models in several states, and traffic, for tests that change nothing."""
    found = Site(tmp_path_factory.mktemp("filled"))
    with found.watcher() as watcher:
        fill(found, watcher)
        with visitors({watcher.model("iris")["url"]: 4}):
            eventually(lambda: watcher.model("iris")["traffic"]["p99"])
            yield found
