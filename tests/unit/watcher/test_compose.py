from __future__ import annotations

from datetime import timedelta

from watcher.compose import _signer
from watcher.settings import Settings
from watcher.stores.client import StoreClient
from watcher.stores.endpoint import Endpoint
from watcher.stores.s3_bucket import S3Bucket


def test_urls_are_signed_with_the_time_that_the_bucket_s_requests_have_shown() -> None:
    client = StoreClient(Endpoint.of("minio:9000", secure=False), "us-east-1")
    client._skew = timedelta(hours=2)
    settings = Settings(
        s3_endpoint="minio:9000",
        s3_region="us-east-1",
        pod_aws_access_key_id="key",
        pod_aws_secret_access_key="secret",
    )
    assert abs(_signer(settings, S3Bucket(client, "models")).key().now - client.signing_time()) < timedelta(hours=1)
