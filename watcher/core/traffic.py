"""The traffic of a model, from two scrapes of its servers' metrics: rate, 99th percentile, share of errors. Pure."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

PREDICTIONS = r"/(predict|predict_proba|transform|invocations|v1/models/.+:predict|v2/models/.+/infer)"
"""The endpoints that count, as a regular expression that Python and PromQL read alike. Probes and scrapes do not."""

REQUESTS = "kubeserve_requests_total"
BUCKETS = "kubeserve_request_duration_seconds_bucket"
PROCESS = "process_start_time_seconds"

MOST_LINES = 2000
"""Lines that are read of one scrape. A server has 16 for each endpoint; a model that is code may answer anything."""

LONGEST_LINE = 1000

QUANTILE = 0.99


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a model answers: requests a second, the 99th percentile in seconds, and the share of codes from 500.

    None where it is not known. Without a request there is no percentile and no share.
    """

    rate: float | None = None
    p99: float | None = None
    errors: float | None = None


@dataclass(frozen=True, slots=True)
class Scrape:
    """The counters of one server at one time. `process` identifies the server: the time at which it started."""

    at: float
    process: float
    requests: float = 0.0
    failures: float = 0.0
    buckets: Mapping[float, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pace:
    """What one server did between two scrapes, for each second."""

    requests: float
    failures: float
    buckets: Mapping[float, float]


def read_scrape(text: str, at: float) -> Scrape | None:
    """Return the counters in the text of `/metrics`, or None if it is not a server's.

    The parser of the client library takes 15 µs a line, so that it gets only the lines that count.
    """
    sums: defaultdict[str, float] = defaultdict(float)
    buckets: defaultdict[float, float] = defaultdict(float)
    wanted = [line for line in text.splitlines() if _counts(line)][:MOST_LINES]
    try:
        for family in text_string_to_metric_families("\n".join(wanted) + "\n"):
            for name, labels, value, *_ in family.samples:
                if not (math.isfinite(value) and value >= 0):
                    return None
                if name == BUCKETS:
                    buckets[float(labels["le"])] += value
                else:
                    sums[name] += value
                    sums["failures"] += value if labels.get("code", "") >= "500" else 0
    except (ValueError, KeyError):
        return None
    if PROCESS not in sums:
        return None
    return Scrape(at, sums[PROCESS], sums[REQUESTS], sums["failures"], dict(buckets))


def _counts(line: str) -> bool:
    if len(line) > LONGEST_LINE:
        return False
    if line.startswith(PROCESS):
        return True
    return line.startswith((REQUESTS, BUCKETS)) and bool(re.search(f'endpoint="{PREDICTIONS}"', line))


def pace(before: Scrape, after: Scrape) -> Pace | None:
    """Return what a server did between two scrapes; None if they are of different servers, or of the same time."""
    seconds = after.at - before.at
    if before.process != after.process or seconds <= 0 or after.requests < before.requests:
        return None
    buckets = {le: max(count - before.buckets.get(le, 0), 0) / seconds for le, count in after.buckets.items()}
    failures = max(after.failures - before.failures, 0) / seconds
    return Pace((after.requests - before.requests) / seconds, failures, buckets)


def traffic(paces: Iterable[Pace], servers: int) -> Traffic:
    """Return the traffic of a model with so many servers, of which some have a known pace."""
    known = list(paces)
    if not known:
        return Traffic()
    requests = sum(item.requests for item in known)
    buckets: defaultdict[float, float] = defaultdict(float)
    for item in known:
        for bound, each_second in item.buckets.items():
            buckets[bound] += each_second
    rate = requests * max(servers, len(known)) / len(known)
    errors = sum(item.failures for item in known) / requests if requests else None
    return Traffic(rate, quantile(buckets), errors)


def quantile(buckets: Mapping[float, float], q: float = QUANTILE) -> float | None:
    """Return the quantile of cumulative buckets as PromQL's histogram_quantile does: linear within a bucket."""
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0
    if total <= 0:
        return None
    lower, below = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= q * total:
            within = buckets[bound] - below
            if math.isinf(bound):
                return lower  # it is above the last bound, which is all that is known
            return lower + (bound - lower) * ((q * total - below) / within if within else 1.0)
        lower, below = bound, buckets[bound]
    return None
