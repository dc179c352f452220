"""The server and the watcher give each request with two readings one answer, 400, and close: never a second answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from tests.unit.strict_http.smuggling import requests

from .driving import Watcher
from .serving import running

PATIENCE = 30.0
"""Seconds for a connection to be closed, on a busy machine."""

AT_ONCE = 16
"""Connections. The watcher accepts few."""

SPLIT = (
    "Content-Length: space before the colon",
    "Content-Length: lone line feed",
    "Transfer-Encoding: folded line",
    "chunks: line feed alone after the size",
    "chunks: more bytes than the size",
    "chunks: request as a trailer",
    "no host",
)
"""Requests that are also sent in two pieces, cut at every place."""


@pytest.fixture(scope="module", params=["server", "server without the fast path", "watcher"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, bytes]]:
    """Return a port, and a target there that takes a body."""
    folder = tmp_path_factory.mktemp("smuggling")
    if request.param == "watcher":
        (folder / "bucket").mkdir()
        options = ("--store", f"folder:{folder / 'bucket'}", "--runtime", "local", "--state-dir", str(folder / "state"))
        with Watcher(folder / "log", *options) as watcher:
            yield watcher.port, b"/events"
        return
    joblib.dump(LogisticRegression().fit([[0.0, 0.0], [1.0, 1.0]], ["no", "yes"]), folder / "model.joblib")
    with running(folder / "model.joblib", *(["--no-fast-path"] if "without" in request.param else [])) as server:
        server.wait()
        yield server.port, b"/predict"


async def answer_to(port: int, pieces: list[bytes]) -> tuple[list[int], str]:
    """Return the codes of all answers, and how the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received, end = b"", "closed"
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01 if len(pieces) > 1 else 0)
        received = await asyncio.wait_for(reader.read(), PATIENCE)
    except TimeoutError:
        end = "open"
    except ConnectionError:
        end = "reset"
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3})", received)], end


def wrong(port: int, cases: dict[Any, list[bytes]]) -> dict[Any, Any]:
    """Return the cases that are not answered by one 400 and a close."""

    async def ask_all() -> dict[Any, Any]:
        limit = asyncio.Semaphore(AT_ONCE)

        async def ask(pieces: list[bytes]) -> tuple[list[int], str]:
            async with limit:
                return await answer_to(port, pieces)

        answers = await asyncio.gather(*(ask(pieces) for pieces in cases.values()))
        return {name: found for name, found in zip(cases, answers, strict=True) if found != ([400], "closed")}

    return asyncio.run(ask_all())


def test_request_with_two_readings_gets_one_400_and_a_close(place: tuple[int, bytes]) -> None:
    port, target = place
    cases = requests(target)
    assert len(cases) > 80
    assert wrong(port, {name: [sent] for name, sent in cases.items()}) == {}


@pytest.mark.parametrize("name", SPLIT)
def test_request_with_two_readings_in_any_two_pieces_gets_one_400_and_a_close(
    place: tuple[int, bytes], name: str
) -> None:
    port, target = place
    sent = requests(target)[name]
    cuts = {at: [sent[a:b] for a, b in pairwise((0, at, len(sent)))] for at in range(1, len(sent))}
    assert wrong(port, cuts) == {}
