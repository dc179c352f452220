from __future__ import annotations

import socket

import pytest

from watcher.client import store
from watcher.client.contexts import Context
from watcher.errors import Retryable


def test_opened_store_that_is_stopped_is_named_within_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kernel accepts connections, and nobody reads them."""
    assert store.CALL_SECONDS <= 10
    monkeypatch.setattr(store, "CALL_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as stopped:
        url = f"http://127.0.0.1:{stopped.getsockname()[1]}"
        keys = {"access_key_id": "a", "secret_access_key": "b"}
        with store.opened(Context(s3_endpoint=url, **keys)) as bucket, pytest.raises(Retryable) as caught:
            bucket.list()
    assert str(caught.value) == f"listing bucket kubeserve-models: the store {url}: no complete answer within 0.2 s"
