"""The real definitions of the Gateway API in a test's control plane."""

from __future__ import annotations

import yaml
from kubernetes import client

from dev.gateway_api import definitions

from .driving import eventually

CONFLICT, NOT_FOUND = 409, 404


def install(api: client.ApiClient) -> None:
    """Define the kinds of the Gateway API, unless they are."""
    extensions = client.ApiextensionsV1Api(api)
    documents = [item for file in definitions() for item in yaml.load_all(file.read_text(), yaml.CSafeLoader)]
    for wanted in (item for item in documents if item and item["kind"] == "CustomResourceDefinition"):
        try:
            extensions.create_custom_resource_definition(wanted)
        except client.ApiException as error:
            if error.status != CONFLICT:
                raise
        eventually(lambda name=wanted["metadata"]["name"]: _is_established(extensions, name))


def remove(api: client.ApiClient) -> None:
    """Remove the kind HTTPRoute, if there is one."""
    extensions, name = client.ApiextensionsV1Api(api), "httproutes.gateway.networking.k8s.io"
    try:
        extensions.delete_custom_resource_definition(name)
    except client.ApiException as error:
        if error.status != NOT_FOUND:
            raise
    eventually(lambda: name not in {item.metadata.name for item in extensions.list_custom_resource_definition().items})


def _is_established(extensions: client.ApiextensionsV1Api, name: str) -> bool:
    conditions = extensions.read_custom_resource_definition(name).status.conditions or []
    return any((item.type, item.status) == ("Established", "True") for item in conditions)
