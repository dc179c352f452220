from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.traffic import Pace, Scrape, Traffic, pace, quantile, read_scrape, traffic

INF = math.inf


def line(name: str, value: Any, **labels: str) -> str:
    inner = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value}"


def requests(value: Any, endpoint: str = "/predict", code: str = "200") -> str:
    return line("kubeserve_requests_total", value, code=code, endpoint=endpoint, model_name="a", model_version="v1")


def bucket(value: Any, le: str, endpoint: str = "/predict") -> str:
    return line("kubeserve_request_duration_seconds_bucket", value, endpoint=endpoint, le=le, model_name="a")


PROCESS = "process_start_time_seconds 1.79e+09"


def test_read_scrape_sums_the_endpoints_that_predict() -> None:
    text = "\n".join([
        "# HELP kubeserve_requests_total Answered requests.",
        PROCESS,
        requests(3.0),
        requests(2.0, code="400"),
        requests(1.0, code="503", endpoint="/v2/models/{model}/infer"),
        requests(1.0, code="500", endpoint="/v1/models/{model}:predict"),
        *(requests(99.0, endpoint=path) for path in ("/health", "/metrics", "other", "/v2/models/{model}/ready")),
        bucket(4.0, "0.001"),
        bucket(5.0, "+Inf"),
        bucket(2.0, "+Inf", endpoint="/invocations"),
        bucket(99.0, "+Inf", endpoint="/health"),
        'kubeserve_feature_sum{feature="kubeserve_requests_total"} 5',
    ])  # fmt: skip
    assert read_scrape(text, 7.0) == Scrape(7.0, 1.79e9, 7.0, 2.0, {0.001: 4.0, INF: 7.0})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing of Prometheus",
        requests(1.0),
        f"{PROCESS}\n{requests('NaN')}",
        f"{PROCESS}\n{requests('+Inf')}",
        f"{PROCESS}\n{requests(-1.0)}",
        f"{PROCESS}\n{requests('many')}",
        f"{PROCESS}\n{bucket(1.0, 'wide')}",
        'kubeserve_requests_total{endpoint="/predict",code="200} 1',
        f'{PROCESS}\nkubeserve_request_duration_seconds_bucket{{endpoint="/predict"}} 1',
    ],
)
def test_read_scrape_of_anything_else_is_none(text: str) -> None:
    assert read_scrape(text, 1.0) is None


@given(st.text(max_size=300))
def test_read_scrape_raises_for_no_text(text: str) -> None:
    read_scrape(f"{PROCESS}\nkubeserve_requests_total{text}\n{text}", 1.0)


def test_read_scrape_reads_a_bounded_part() -> None:
    found = read_scrape("\n".join([PROCESS, requests(1.0, code="2" * 1000), *[requests(1.0)] * 5000]), 1.0)
    assert found
    assert found.requests == 1999


def test_pace_is_for_each_second() -> None:
    before = Scrape(10.0, 1.0, 100.0, 1.0, {0.1: 90.0, INF: 100.0})
    after = Scrape(20.0, 1.0, 150.0, 2.0, {0.1: 140.0, INF: 150.0, 0.05: 10.0})
    assert pace(before, after) == Pace(5.0, 0.1, {0.1: 5.0, INF: 5.0, 0.05: 1.0})


@pytest.mark.parametrize("after", [Scrape(20.0, 2.0, 150.0), Scrape(10.0, 1.0, 150.0), Scrape(20.0, 1.0, 99.0)])
def test_pace_of_another_process_or_no_time_or_fewer_requests_is_none(after: Scrape) -> None:
    assert pace(Scrape(10.0, 1.0, 100.0), after) is None


def test_traffic_of_some_pods_stands_for_all() -> None:
    paces = [Pace(10.0, 1.0, {0.1: 10.0, INF: 10.0}), Pace(30.0, 0.0, {0.1: 30.0, INF: 30.0})]
    found = traffic(paces, 4)
    assert (found.rate, found.errors) == (80.0, 0.025)
    assert found.p99 == pytest.approx(0.099)
    assert traffic(paces, 1).rate == 40.0  # one pod has just ended


def test_traffic_without_requests_has_no_percentile_and_no_share() -> None:
    assert traffic([Pace(0.0, 0.0, {0.1: 0.0, INF: 0.0})], 1) == Traffic(0.0, None, None)
    assert traffic([], 1) == Traffic()


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ({}, None),
        ({1.0: 0.0, INF: 0.0}, None),
        ({1.0: 100.0, 2.0: 100.0, INF: 100.0}, 0.99),
        ({1.0: 98.0, 2.0: 100.0, INF: 100.0}, 1.5),
        ({1.0: 0.0, 2.0: 50.0, INF: 100.0}, 2.0),
        ({1.0: 5.0, 2.0: 3.0, INF: 0.0}, None),
    ],
)
def test_quantile_is_that_of_promql(buckets: dict[float, float], expected: float | None) -> None:
    assert quantile(buckets) == (None if expected is None else pytest.approx(expected))
