"""The address of a model outside the cluster, by an Ingress or a HTTPRoute of the Gateway API. Pure.

Only the operator gives models an address: a user's values.yaml can do no more than take its own away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from watcher.core.naming import TRACKS, object_name
from watcher.core.types import URL, ModelId, Trial

SECTIONS = {"ingress": "Ingress", "httpRoute": "HTTPRoute"}
"""The sections of the chart's values, and the kind of object that each one makes."""

CANARY, SHADOW = TRACKS
NAMESPACE, MODEL = "{namespace}", "{model}"
RUN_TOGETHER = re.compile(r"\{(namespace|model)\}[a-z0-9-]*\{(namespace|model)\}")
"""`{model}-{namespace}` is the same for model `a` in `b-c` and for model `a-b` in `c`."""


def problem(values: Mapping[str, Any]) -> str:
    """Return what is wrong with complete values and no schema can say, or ""."""
    if values["ingress"]["enabled"] and not values["ingress"]["host"]:
        return "ingress.enabled needs ingress.host, such as models.example.com"
    if values["httpRoute"]["enabled"] and not values["httpRoute"]["parentRefs"]:
        return "httpRoute.enabled needs httpRoute.parentRefs, such as [{name: public, namespace: gateways}]"
    return ""


def shared_address(values: Mapping[str, Any], namespaces: tuple[str, ...]) -> str:
    """Return why several models would get the same address by the operator's complete values, or "".

    No namespaces means all. Of one namespace the name of the model is enough.
    """
    needed = (MODEL,) if len(namespaces) == 1 else (NAMESPACE, MODEL)
    ingress, route = values["ingress"], values["httpRoute"]
    texts = {
        "ingress.host or ingress.path": (ingress["enabled"], [ingress["host"] + ingress["path"]]),
        "httpRoute.path": (route["enabled"], [host + route["path"] for host in route["hostnames"] or [""]]),
    }
    for where, (enabled, addresses) in texts.items():
        for part in needed:
            if enabled and not all(part in address for address in addresses):
                return f"{where} needs {part}: otherwise several models would have the same address"
        if enabled and any(RUN_TOGETHER.search(address) for address in addresses):
            return f"{where} needs a '.' or '/' between {NAMESPACE} and {MODEL}: else two models could share an address"
    return ""


def placeholders(
    values: Mapping[str, Any], model: ModelId, annotations: Mapping[str, str], trials: Sequence[Trial] = ()
) -> dict[str, Any]:
    """Return the placeholders of both objects. `annotations` are those of all objects of the model.

    The route names the `trials` that answer: a canary by its weight, and a shadow as the target of copies.
    """
    return {
        **_ingress(values["ingress"], model, annotations),
        **_route(values["httpRoute"], model, annotations),
        "routeFilters": _filters(values["httpRoute"]["path"], model, trials) or None,
        "routeBackends": _backends(model, trials),
    }


def _ingress(ingress: Mapping[str, Any], model: ModelId, annotations: Mapping[str, str]) -> dict[str, Any]:
    host, path, tls = named(ingress["host"], model), named(ingress["path"], model), ingress["tls"]
    given = {key: named(value, model) for key, value in ingress["annotations"].items()}
    secret = {"secretName": named(tls["secretName"], model)} if tls["secretName"] else {}
    return {
        "ingressAnnotations": {**given, **annotations, URL: _url("https" if tls["enabled"] else "http", host, path)},
        "ingressClassName": ingress["className"] or None,
        "ingressHost": host,
        "ingressPath": path + ingress["pathSuffix"],
        "ingressTLS": [{"hosts": [host], **secret}] if tls["enabled"] else None,
    }


def _route(route: Mapping[str, Any], model: ModelId, annotations: Mapping[str, str]) -> dict[str, Any]:
    path, hostnames = named(route["path"], model), [named(host, model) for host in route["hostnames"]]
    host = next((host for host in hostnames if not host.startswith("*")), "")
    return {
        "routeAnnotations": {**annotations, **({URL: _url(route["scheme"], host, path)} if host else {})},
        "routeHostnames": hostnames or None,
        "routePath": path,
    }


def _filters(path: str, model: ModelId, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    strip = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    shadows = [trial.track for trial in trials if trial.track == SHADOW and trial.answers]
    copies = [{"type": "RequestMirror", "requestMirror": {"backendRef": _service(model, track)}} for track in shadows]
    return [*([] if path == "/" else [strip]), *copies]


def _backends(model: ModelId, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    weight = next((trial.weight for trial in trials if trial.track == CANARY and trial.answers), None)
    if weight is None:
        return [_service(model)]
    return [{**_service(model), "weight": 100 - weight}, {**_service(model, CANARY), "weight": weight}]


def _service(model: ModelId, track: str = "") -> dict[str, Any]:
    return {"name": object_name(model, track), "port": 80}


def named(text: str, model: ModelId) -> str:
    """Return the text with the model's own names in it."""
    return text.replace(NAMESPACE, model.namespace).replace(MODEL, model.name)


def _url(scheme: str, host: str, path: str) -> str:
    return f"{scheme}://{host}{path.removesuffix('/')}"
