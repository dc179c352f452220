"""A signer for runtimes whose store is not there: it signs, which needs no network, and looks nothing up."""

from __future__ import annotations

from watcher.core.signed_files import SignedFile
from watcher.stores.client import StoreClient
from watcher.stores.endpoint import Endpoint
from watcher.stores.signer import UrlSigner


class OfflineSigner(UrlSigner):
    def __init__(self, bucket: str = "models", keys: tuple[str, str] = ("key", "secret")) -> None:
        place = Endpoint.of("minio:9000", secure=False)
        super().__init__(StoreClient(place, "us-east-1", keys=keys), bucket, place)

    def looked_up(self, file: SignedFile) -> SignedFile:
        return file
