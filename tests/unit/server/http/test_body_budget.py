"""Bodies are counted together, and given back."""

from __future__ import annotations

import gzip
import os
from types import SimpleNamespace
from typing import Any

import pytest

from server.errors import Overloaded
from server.http.body_budget import SMALL, BodyBudget
from server.http.routes import unpacked
from server.inference.batcher import Observer

MB = 1 << 20


class Refusals(Observer):
    """Remembers the reasons."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def rejected(self, reason: str) -> None:
        self.reasons.append(reason)


def test_what_is_too_much_with_the_others_is_refused_until_they_are_answered() -> None:
    meter = Refusals()
    bodies = BodyBudget(10 * MB, meter)
    bodies.admit("a", 6 * MB)
    bodies.admit("b", 4 * MB)
    with pytest.raises(Overloaded, match=r"take 10485760 of 10485760 bytes \(--body-memory\)"):
        bodies.admit("c", MB)
    assert meter.reasons == ["bodies"]
    bodies.release("a")
    bodies.admit("c", MB)
    assert bodies.total == 5 * MB


def test_a_body_that_grows_is_counted_once_and_forgotten_when_refused_and_released() -> None:
    bodies = BodyBudget(2 * MB, Observer())
    bodies.admit("other", MB)
    for size in (SMALL + 1, MB // 2, MB):
        bodies.admit("a", size)
    assert bodies.total == 2 * MB
    with pytest.raises(Overloaded):
        bodies.admit("a", MB + 1)
    bodies.release("a")
    assert bodies.total == MB


def test_one_alone_may_be_of_any_size_and_small_ones_are_not_counted() -> None:
    bodies = BodyBudget(MB, Observer())
    bodies.admit("a", 5 * MB)
    bodies.admit("b", SMALL)
    bodies.release("b")
    bodies.release("a")
    assert bodies.total == 0


class Compressed:
    """As much of a request as is looked at: Sanic has counted its body as it came."""

    headers = {"content-encoding": "GZIP"}  # noqa: RUF012 - HTTP says that the case does not matter

    def __init__(self, bodies: BodyBudget, body: bytes) -> None:
        config = SimpleNamespace(REQUEST_MAX_SIZE=100 * MB)
        self.app = SimpleNamespace(config=config, ctx=SimpleNamespace(body_budget=bodies))
        bodies.admit(self, len(body))


@pytest.mark.parametrize("plain", [bytes(3 * MB), os.urandom(MB)], ids=["small when packed", "as large when packed"])
def test_a_compressed_body_is_counted_packed_and_unpacked(plain: bytes) -> None:
    bodies, packed = BodyBudget(4 * MB, Observer()), gzip.compress(plain)
    bodies.admit("other", MB // 2)
    request: Any = Compressed(bodies, packed)
    assert unpacked(request, packed) == plain
    assert bodies.total == MB // 2 + len(packed) + len(plain)
    bodies.release(request)
    assert bodies.total == MB // 2


def test_a_compressed_body_that_unpacks_to_too_much_with_the_others_is_refused() -> None:
    bodies, packed = BodyBudget(4 * MB, Observer()), gzip.compress(bytes(3 * MB))
    bodies.admit("other", 2 * MB)
    request: Any = Compressed(bodies, packed)
    with pytest.raises(Overloaded):
        unpacked(request, packed)
    assert bodies.total == 2 * MB
