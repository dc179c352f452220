from __future__ import annotations

from tests.unit.watcher.stores.conftest import environment

__all__ = ["environment"]  # the stores' credentials, for the tests that make calls by their client
