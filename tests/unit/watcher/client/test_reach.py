from __future__ import annotations

import pytest

from watcher.client.reach import ByService, ByUrl, reach_of, reach_of_model
from watcher.core.types import ModelId
from watcher.errors import Rejected, Retryable

IRIS = ModelId("team", "iris")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:8080", ByUrl("http://127.0.0.1:8080")),
        ("https://watcher.lab/", ByUrl("https://watcher.lab")),
        ("service://kubeserve/kubeserve", ByService("kubeserve", "kubeserve", "80")),
        ("service://kubeserve/kubeserve:8080", ByService("kubeserve", "kubeserve", "8080")),
    ],
)
def test_reach_of_an_address(address: str, expected: ByUrl | ByService) -> None:
    assert reach_of(address) == expected


@pytest.mark.parametrize("address", ["service://kubeserve", "service://a/b/c", "service://a/b:", "service://../x"])
def test_reach_of_something_else_says_what_is_expected(address: str) -> None:
    with pytest.raises(Rejected, match=r"expected service://NAMESPACE/NAME\[:PORT\]"):
        reach_of(address)


def test_reach_of_a_model_is_its_service_where_its_url_does_not_resolve() -> None:
    assert reach_of_model(IRIS, "http://127.0.0.1:5000/") == ByUrl("http://127.0.0.1:5000")
    assert reach_of_model(IRIS, "http://iris-model-serving.team.invalid") == ByService("team", "iris-model-serving")
    assert reach_of_model(IRIS, "") == ByService("team", "iris-model-serving")


def test_request_to_nobody_is_one_sentence() -> None:
    with pytest.raises(Retryable, match=r"^nothing answers at http://127\.0\.0\.1:1$"):
        ByUrl("http://127.0.0.1:1").request("GET", "/", 1.0)
