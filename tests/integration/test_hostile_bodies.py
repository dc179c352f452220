"""Bodies that are made to cost much: each gets a right answer or a 4xx in words, within a stated multiple of memory."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.hostile_bodies import BODIES, MAX_GROWTH_BASE, MAX_GROWTH_RATIO, HostileBody, Servers, send

SANE = 60.0
"""Seconds. docs/limits.md has the figures of a quiet machine; here only a server that stands still is a fault."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("models")) as found:
        yield found


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_hostile_body_costs_a_bounded_multiple_and_is_answered(servers: Servers, body: HostileBody) -> None:
    server, idle = servers.of(body.model)
    cost = send(body, server, idle)
    assert server.process.poll() is None
    assert cost.status in body.status, cost.answer[:300]
    assert cost.growth <= MAX_GROWTH_RATIO * cost.accounted + MAX_GROWTH_BASE
    assert cost.slowest_health < SANE
    if cost.status != 200:
        error = json.loads(cost.answer)["error"]
        assert len(error) < 1000
        assert error.isprintable()
    assert server.healthy()
