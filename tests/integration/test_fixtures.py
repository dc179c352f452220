"""Check that the fixtures start real servers."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, config

from .driving import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Bucket
    from .control_plane import ControlPlane

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "probe"},
    "spec": {
        "selector": {"matchLabels": {"app": "probe"}},
        "template": {
            "metadata": {"labels": {"app": "probe"}},
            "spec": {"containers": [{"name": "probe", "image": "probe"}]},
        },
    },
}


@pytest.fixture
def apps(control_plane: ControlPlane) -> Iterator[Any]:
    new_client: Any = config.new_client_from_config  # the client ships no types
    with new_client(str(control_plane.kubeconfig)) as api:
        yield client.AppsV1Api(api)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")  # the API server's certificate signs itself
def test_control_plane_creates_a_replica_set_for_a_deployment(apps: Any) -> None:
    apps.create_namespaced_deployment("default", DEPLOYMENT, _request_timeout=60)
    found = eventually(lambda: apps.list_namespaced_replica_set("default", _request_timeout=60).items)
    assert [item.metadata.owner_references[0].name for item in found] == ["probe"]


def test_bucket_lists_an_uploaded_object(bucket: Bucket) -> None:
    bucket.client.put_object(bucket.name, "demo/iris/v1/model.joblib", io.BytesIO(b"model"), 5)
    listed = [item.object_name for item in bucket.client.list_objects(bucket.name, recursive=True)]
    assert listed == ["demo/iris/v1/model.joblib"]
