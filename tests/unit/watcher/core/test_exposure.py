from __future__ import annotations

from typing import Any

import pytest

from watcher.core.chart import defaults, merge
from watcher.core.exposure import shared_address
from watcher.core.types import URL
from watcher.errors import Rejected

from .rendered import by_kind

GATEWAYS = [{"name": "public"}]


def test_without_an_address_only_the_four_objects_are_rendered() -> None:
    assert set(by_kind()) == {"Deployment", "ConfigMap", "Service", "HorizontalPodAutoscaler"}


def test_an_address_changes_no_other_object() -> None:
    exposed = by_kind(ingress={"enabled": True, "host": "a"}, httpRoute={"enabled": True, "parentRefs": GATEWAYS})
    assert {key: item for key, item in exposed.items() if key not in {"Ingress", "HTTPRoute"}} == by_kind()


def test_ingress_has_the_names_of_the_model() -> None:
    ingress = by_kind(
        ingress={
            "enabled": True,
            "host": "{model}.{namespace}.example.com",
            "pathSuffix": "(/|$)(.*)",
            "annotations": {"rewrite": "/{model}/$2", URL: "http://elsewhere"},
            "tls": {"enabled": True, "secretName": "{model}-tls"},
        }
    )["Ingress"]
    (rule,) = ingress["spec"]["rules"]
    assert (rule["host"], rule["http"]["paths"][0]["path"]) == ("iris.team.example.com", "/team/iris(/|$)(.*)")
    assert ingress["spec"]["tls"] == [{"hosts": ["iris.team.example.com"], "secretName": "iris-tls"}]
    assert ingress["metadata"]["annotations"]["rewrite"] == "/iris/$2"
    assert ingress["metadata"]["annotations"][URL] == "https://iris.team.example.com/team/iris"


@pytest.mark.parametrize(
    ("route", "url"),
    [
        ({"hostnames": ["models.example.com"]}, "http://models.example.com/team/iris"),
        ({"hostnames": ["*.example.com", "a.example"], "path": "/", "scheme": "https"}, "https://a.example"),
        ({"hostnames": ["*.example.com"]}, None),
        ({}, None),
    ],
)
def test_route_has_the_url_of_its_first_whole_host(route: dict[str, Any], url: str | None) -> None:
    made = by_kind(httpRoute={"enabled": True, "parentRefs": GATEWAYS, **route})["HTTPRoute"]
    assert made["metadata"]["annotations"].get(URL) == url


def test_route_removes_its_prefix_unless_it_has_none() -> None:
    rule, whole = (
        by_kind(httpRoute={"enabled": True, "parentRefs": GATEWAYS, **more})["HTTPRoute"]["spec"]["rules"][0]
        for more in ({}, {"path": "/"})
    )
    assert rule["filters"][0]["urlRewrite"]["path"] == {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    assert "filters" not in whole


@pytest.mark.parametrize("values", [{"ingress": {"enabled": True}}, {"httpRoute": {"enabled": True}}])
def test_address_without_what_it_needs_is_rejected(values: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match=r"enabled needs "):
        by_kind(**values)


@pytest.mark.parametrize(
    ("values", "namespaces", "problem"),
    [
        ({"ingress": {"enabled": True, "host": "a.example"}}, (), ""),
        (
            {"ingress": {"enabled": True, "host": "a.example", "path": "/"}},
            (),
            "ingress.host or ingress.path needs {na",
        ),
        ({"ingress": {"enabled": True, "host": "{model}.example", "path": "/"}}, ("a", "b"), "needs {namespace}"),
        ({"ingress": {"enabled": True, "host": "{model}.example", "path": "/"}}, ("a",), ""),
        ({"ingress": {"enabled": False, "host": "a.example", "path": "/"}}, (), ""),
        ({"httpRoute": {"enabled": True, "path": "/{namespace}"}}, (), "httpRoute.path needs {model}"),
        ({"httpRoute": {"enabled": True, "path": "/{model}", "hostnames": ["{namespace}.a", "b"]}}, (), "{namespace}"),
        ({"httpRoute": {"enabled": True, "path": "/{model}", "hostnames": ["{namespace}.a"]}}, (), ""),
        ({"ingress": {"enabled": True, "host": "{model}-{namespace}.a"}}, (), "'.' or '/' between"),
        ({"ingress": {"enabled": True, "host": "a", "path": "/{namespace}-x-{model}"}}, (), "'.' or '/' between"),
        ({"ingress": {"enabled": True, "host": "{model}-x.{namespace}-y.a"}}, (), ""),
    ],
)
def test_shared_address_names_what_would_make_addresses_differ(
    values: dict[str, Any], namespaces: tuple[str, ...], problem: str
) -> None:
    found = shared_address(merge(defaults(), values), namespaces)
    assert problem in found
    assert bool(problem) == bool(found)
