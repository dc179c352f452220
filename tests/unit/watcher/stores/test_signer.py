from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from minio.credentials.credentials import Credentials

from watcher.stores.client import StoreClient
from watcher.stores.endpoint import Endpoint
from watcher.stores.signer import UrlSigner

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Role(StoreClient):
    """A client whose credentials say when they expire."""

    def credentials(self) -> Credentials:
        return replace(super().credentials(), session_token="t", expiration=NOW + timedelta(minutes=30))


def key_name(
    client: type[StoreClient],
    *,
    pods: str = "http://minio:9000",
    bucket: str = "models",
    region: str = "us-east-1",
    key: str = "key",
) -> str:
    store = client(Endpoint.of("minio:9000", secure=False), region, keys=(key, "secret"))
    return UrlSigner(store, bucket, Endpoint.of(pods, secure=False), lambda: NOW).key().by


@pytest.mark.parametrize("client", [StoreClient, Role])
@pytest.mark.parametrize(
    "change",
    [
        {"pods": "http://store:9000"},
        {"pods": "http://minio:9001"},
        {"pods": "https://minio:9000"},
        {"bucket": "others"},
        {"region": "eu-west-1"},
    ],
)
def test_key_has_another_name_for_other_urls(client: type[StoreClient], change: dict[str, str]) -> None:
    assert key_name(client) == key_name(client)
    assert key_name(client) != key_name(client, **change)


def test_key_of_a_role_keeps_its_name_when_the_platform_replaces_it() -> None:
    assert key_name(Role, key="next") == key_name(Role)
    assert key_name(StoreClient, key="next") != key_name(StoreClient)
