"""Compressed bodies: what comes out, within which limits, and in which thread."""

from __future__ import annotations

import asyncio
import gzip
import os
import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sanic.exceptions import PayloadTooLarge, SanicException

from server.errors import InputError, Overloaded
from server.http.body import unpacked
from server.http.body_budget import MEMORY_PER_TEXT_BYTE, BodyBudget
from server.http.service import MAX_INLINE_BODY
from server.inference.observer import Observer

MB = 1 << 20
TEXT_MB = MB * MEMORY_PER_TEXT_BYTE


class Request:
    """The parts of a request that `unpacked` uses. Its body is counted as it arrives."""

    def __init__(self, body: bytes, budget: BodyBudget | None = None, limit: int = 100 * MB, coding: str = "") -> None:
        self.budget = budget or BodyBudget(10_000 * MB, Observer())
        self.headers = {"content-encoding": coding or "GZIP"}  # the case does not matter in HTTP
        config = SimpleNamespace(REQUEST_MAX_SIZE=limit)
        self.app = SimpleNamespace(config=config, ctx=SimpleNamespace(body_budget=self.budget))
        self.body = body
        self.budget.admit(self, len(body))


class Thread:
    """A service whose thread runs at once, and counts what it ran."""

    def __init__(self) -> None:
        self.predictor, self.runs = self, 0

    async def run_in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        self.runs += 1
        return await asyncio.to_thread(work, *arguments)


def unpack(request: Request, thread: Thread | None = None) -> bytes:
    asked: Any = request
    service: Any = thread or Thread()
    return bytes(asyncio.run(unpacked(asked, request.body, service)))


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
@pytest.mark.parametrize(
    ("size", "runs"),
    [(0, 0), (1, 0), (MAX_INLINE_BODY, 0), (MAX_INLINE_BODY + 1, 1), (3 * MB, 1)],
)
def test_unpacked_long_body_is_decompressed_in_the_thread(
    compress: Callable[[bytes], bytes], size: int, runs: int
) -> None:
    plain, thread = os.urandom(size // 2) + bytes(size - size // 2), Thread()
    assert unpack(Request(compress(plain)), thread) == plain
    assert thread.runs == runs


@pytest.mark.parametrize("limit", [8192, MAX_INLINE_BODY - 1, MAX_INLINE_BODY, MAX_INLINE_BODY + 1, 2 * MB])
def test_unpacked_body_beyond_the_limit_is_refused(limit: int) -> None:
    assert len(unpack(Request(gzip.compress(bytes(limit)), limit=limit))) == limit
    with pytest.raises(PayloadTooLarge):
        unpack(Request(gzip.compress(bytes(limit + 1)), limit=limit))


@pytest.mark.parametrize(
    ("limit", "made_in_thread"), [(MAX_INLINE_BODY - 1, []), (MAX_INLINE_BODY, [MAX_INLINE_BODY + 1]), (MB, [MB + 1])]
)
def test_unpacked_bomb_makes_no_more_than_the_limit(limit: int, made_in_thread: list[int]) -> None:
    made: list[int] = []

    class Counting(Thread):
        async def run_in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
            found = await super().run_in_thread(work, *arguments)
            made.append(len(found[0]))
            return found

    with pytest.raises(PayloadTooLarge):
        unpack(Request(gzip.compress(bytes(64 * MB)), limit=limit), Counting())
    assert made == made_in_thread


@pytest.mark.parametrize("size", [10, 2 * MB])
@pytest.mark.parametrize(
    ("damage", "words"),
    [(lambda it: it[:-9], "ends too soon"), (lambda it: b"x" + it, "is not compressed as Content-Encoding says")],
)
def test_unpacked_damaged_body_is_an_input_error(size: int, damage: Callable[[bytes], bytes], words: str) -> None:
    with pytest.raises(InputError, match=words):
        unpack(Request(damage(gzip.compress(os.urandom(size)))))


def test_unpacked_unknown_coding_is_refused() -> None:
    with pytest.raises(SanicException, match="Content-Encoding can be gzip or deflate") as refused:
        unpack(Request(b"x", coding="br"))
    assert refused.value.status_code == 415


@pytest.mark.parametrize("plain", [bytes(3 * MB), os.urandom(MB)], ids=["compressible", "incompressible"])
def test_unpacked_body_is_counted_compressed_and_decompressed(plain: bytes) -> None:
    budget, packed = BodyBudget(4 * TEXT_MB, Observer()), gzip.compress(plain)
    budget.admit("other", MB // 2)
    request = Request(packed, budget)
    assert unpack(request) == plain
    assert budget.total == TEXT_MB // 2 + len(packed) + MEMORY_PER_TEXT_BYTE * len(plain)
    budget.release(request)
    assert budget.total == TEXT_MB // 2


def test_unpacked_body_that_is_too_much_with_the_others_is_rejected() -> None:
    budget = BodyBudget(4 * TEXT_MB, Observer())
    budget.admit("other", 2 * MB)
    request = Request(gzip.compress(bytes(3 * MB)), budget)
    with pytest.raises(Overloaded):
        unpack(request)
    budget.release(request)
    assert budget.total == 2 * TEXT_MB
