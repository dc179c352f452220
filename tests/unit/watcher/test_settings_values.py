from __future__ import annotations

import pytest

from watcher.errors import Rejected
from watcher.settings import Settings
from watcher.settings_values import prometheus_url


@pytest.mark.parametrize("url", ["", "http://prometheus.monitoring:9090", "https://prometheus.example/prefix/"])
def test_prometheus_url_is_a_url_or_empty(url: str) -> None:
    assert prometheus_url(Settings(prometheus_url=url)) == url


@pytest.mark.parametrize(
    "url", ["prometheus:9090", "ftp://prometheus", "http://", "http://me:secret@prometheus", "http://prometheus?a=b"]
)
def test_prometheus_url_of_another_form_is_rejected_without_its_text(url: str) -> None:
    with pytest.raises(Rejected, match=r"^--prometheus-url: expected a URL without user and query, such as ") as caught:
        prometheus_url(Settings(prometheus_url=url))
    assert "secret" not in str(caught.value)
