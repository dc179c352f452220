"""One application for all tests, since Sanic accepts its name once in a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.app import create_app
from server.settings import Settings


@pytest.fixture(scope="session")
def app() -> Any:
    return create_app(Settings(model=Path("model.joblib"), deadline=120.0), print)
