"""A client cannot tell the fast path from Sanic: both answer mutated requests with the same bytes, and close alike.

Each case is a request with something odd, in pieces, then one that closes the connection. Where both servers disagree
about a body's length, one of them reads the rest of the body as a request, so the answers differ.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from .serving import Server, running

MUTATIONS = 600
CONNECTIONS = 24
PAUSE = 0.1
"""Seconds for the answer to a piece before the next is sent."""
SILENCE = 0.4
"""Seconds without an answer after which a server is taken to wait for more."""
PATIENCE = 3.0
"""Seconds, the same when two answers seem to differ: on a busy machine one may just have been late."""

COUNTING = """
import sys
from server import __main__
from server.http.fast_path import FastPath
from server.inference.predictor import Predictor

def answer(*arguments, ordinary=FastPath.answer):
    found = ordinary(*arguments)
    with open(PATH, "ab") as file:
        file.write(b"." if found else b"")
    return found

FastPath.answer = answer
Predictor.update_direct_limit = lambda self: setattr(self, "max_direct_rows", 1000)
sys.exit(__main__.main())
"""
"""The server, but the fast path answers on a busy machine too, and writes how often it did."""

LAST = b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
BODIES = (
    *(b'{"data": [[1, 2]]}', b'{"data": [[0.5, -1e3], [3, 4]]}', b'{"instances": [[1, 2]]}', b"", b"{", b"[]"),
    *(b'{"data": [["1", 2]]}', b'{"data": [[1, null]]}', b'{"data": [[1e999, 1]]}', b'{"data": [[1]]}'),
    *(b'{"data": [[1, 2]], "data": [[3, 4]]}', b'{"d\\u0061ta": [[1, 2]]}', b'\xef\xbb\xbf{"data": [[1, 2]]}'),
)
TARGETS = (
    *(b"/predict", b"/v1/models/model:predict", b"/predict?", b"/predict?proba=true", b"//predict", b"/%70redict"),
    *(b"/predict/", b"/PREDICT", b"http://x/predict", b"/predict#a", b"/predict;a", b"/predict\xc3\xa9", b"*", b""),
    *(b"predict", b"http://x:99999/predict", b"http://[/predict", b"?", b"x:y"),
)
STARTS = (
    *((b"POST", b"HTTP/1.1"), (b"POST", b"HTTP/1.0"), (b"POST", b"HTTP/2.0"), (b"POST", b"http/1.1")),
    *((b"post", b"HTTP/1.1"), (b"GET", b"HTTP/1.1"), (b"HEAD", b"HTTP/1.1"), (b"POST", b"HTTP/1.1 ")),
    *((b"\r\nPOST", b"HTTP/1.1"), (b" POST", b"HTTP/1.1"), (b"POST ", b"HTTP/1.1"), (b"POST", b"HTTP/1.10")),
)
LENGTHS = (
    *(b"%d", b"0%d", b"+%d", b"-%d", b" %d", b"\t%d", b"%d ", b"%d\t", b"%d,%d", b"%d, %d", b"0x%d", b"%d.0"),
    *(b"%d_0", b'"%d"', b"\x0b%d", b"%d\x0c", b"%d\x00", b"", b"%d;a", b"\xc2\xa0%d", b"\r\n %d", b"%d\n"),
)
FIELDS = (
    *(b"Connection: close", b"Connection: keep-alive", b"connection:Keep-Alive", b"Connection: keep-alive, close"),
    *(b"Connection: keep-alive ", b"Connection : close", b"Connection: upgrade\r\nUpgrade: h2c", b"Upgrade: websocket"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding: identity", b"TE: trailers"),
    *(b"X: y\r\n Transfer-Encoding: chunked", b"X: y\nTransfer-Encoding: chunked", b"Transfer-Encoding:\x0bchunked"),
    *(b"Content-Length: 3", b"Content-Length : 3", b"X: y\nContent-Length: 3", b"X: y\rContent-Length: 3"),
    *(b"Content_Length: 3", b" Content-Length: 3", b"X: y\r\n\tContent-Length: 3", b"Content-Length\x00: 3"),
    *(b"Expect: 100-continue", b"Expect: x", b"Content-Encoding: gzip", b"content-encoding:", b"Content-Encoding : br"),
    *(b"Host: a b", b"Host: a\r\nHost: b", b"no colon", b": no name", b"a b: c", b"X: \x00", b"X: \x7f\xff", b"X:"),
    *(b"X: " + b"y" * 8000, b"X: " + b"y" * 9000, b"Keep-Alive: timeout=1", b"Upgrade-Insecure-Requests: 1"),
)
CHUNK_SIZES = (b"%x", b"%X", b"0%x", b"%x;a=b", b"%x ;a", b"0x%x", b"+%x", b" %x", b"%x\x0b", b"%x\n", b"")
ENDS = (
    b"\r\n0\r\n\r\n",
    b"\r\n00\r\n\r\n",
    b"\n0\r\n\r\n",
    b"0\r\n\r\n",
    b"\r\n0\r\nX: y\r\n\r\n",
    b"\r\n0\n\n",
    b"\r\n-1\r\n\r\n",
)
ODD_BYTES = b"\r\n\t \x00\x0b\x1c:,;0-_aP\x7f\x80\xff"


def request(
    body: bytes = BODIES[0],
    length: bytes = LENGTHS[0],
    target: bytes = TARGETS[0],
    start: tuple[bytes, bytes] = STARTS[0],
    field: bytes = b"Accept: */*",
    surplus: int = 0,
) -> bytes:
    """Return a plain request, but for what is given."""
    length = length.replace(b"%d", b"%d" % (len(body) + surplus))
    fields = (b"Host: x", field, b"Content-Length: " + length)
    head = (b" ".join((start[0], target, start[1])), *fields, b"", b"")
    return b"\r\n".join(head) + body


def chunked(body: bytes, size: bytes, end: bytes) -> bytes:
    """Return a request whose body is one chunk."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + size.replace(b"%x", b"%x" % len(body)) + b"\r\n" + body + end


def odd_in_one_thing() -> Iterator[bytes]:
    """Yield a request for each oddity."""
    yield from (request(body) for body in BODIES)
    yield from (request(length=length) for length in LENGTHS)
    yield from (request(target=target) for target in TARGETS)
    yield from (request(start=start) for start in STARTS)
    yield from (request(field=field) for field in FIELDS)
    yield from (request(surplus=surplus) for surplus in (-20, -1, 1, 7))
    yield from (chunked(BODIES[0], size, ENDS[0]) for size in CHUNK_SIZES)
    yield from (chunked(BODIES[0], CHUNK_SIZES[0], end) for end in ENDS)
    yield from (request() * 2, request() + chunked(BODIES[0], CHUNK_SIZES[0], ENDS[0]), b"\r\n" + request())


def pieces_of(sent: bytes) -> Iterator[list[bytes]]:
    """Yield all that a client sends: the request whole, its head and body apart, and everything at once."""
    end = sent.find(b"\r\n\r\n") + 4
    yield [sent, LAST]
    yield [sent[:end], sent[end:], LAST]
    yield [sent + LAST]


def mutated(random: Random) -> Iterator[list[bytes]]:
    """Yield plain and chunked requests, some after another, changed in one or two bytes, in three pieces at most."""
    while True:
        sent = request(field=random.choice((b"Accept: */*", random.choice(FIELDS))))
        if not random.randrange(5):
            sent = chunked(random.choice(BODIES), random.choice(CHUNK_SIZES), random.choice(ENDS))
        for _ in range(random.choice((1, 1, 2))):
            at = random.randrange(sent.find(b"\r\n\r\n") + 4)
            odd = random.choice((b"", b"\r\n", *[bytes([random.choice(ODD_BYTES)])] * 4))
            sent = sent[:at] + odd + sent[at + random.choice((0, 1)) :]
        sent = random.choice((b"", b"", b"", request())) + sent
        cut, next_cut = sorted(random.choice((len(sent), random.randrange(1, len(sent)))) for _ in range(2))
        yield [piece for piece in (sent[:cut], sent[cut:next_cut], sent[next_cut:], LAST) if piece]


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of one byte for each answer of the fast path."""
    return tmp_path_factory.mktemp("answered") / "count"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, answered: Path) -> Iterator[tuple[Server, Server]]:
    """Return the same server with the fast path and without."""
    path = tmp_path_factory.mktemp("model") / "model.joblib"
    joblib.dump(LogisticRegression().fit([[0.0, 0.0], [1.0, 1.0]], ["no", "yes"]), path)
    program = COUNTING.replace("PATH", repr(str(answered)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONHASHSEED", "0")  # Sanic's Allow is a set, in an order of its own in each process
        yield from started_both(path, program)


def started_both(path: Path, program: str) -> Iterator[tuple[Server, Server]]:
    """Yield the server with the fast path, and the one without."""
    with running(path, program=("-c", program)) as fast, running(path, "--no-fast-path") as sanic:
        fast.wait()
        sanic.wait()
        yield fast, sanic


async def sent(server: Server, pieces: list[bytes], silence: float) -> tuple[bytes, str]:
    """Return all that the server answers, and whether the connection is then open, closed or reset.

    A piece follows when the one before is answered, or in time is not: the server must not receive both at once.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    received = b""
    try:
        for piece in pieces[:-1]:
            writer.write(piece)
            with suppress(TimeoutError):
                received += await asyncio.wait_for(reader.read(65536), PAUSE)
        writer.write(pieces[-1])
        while found := await asyncio.wait_for(reader.read(65536), silence):
            received += found
        return received, "closed"
    except TimeoutError:
        return received, "open"
    except ConnectionError:
        return received, "reset"
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def compared(fast: Server, sanic: Server, pieces: list[bytes]) -> tuple[tuple[bytes, str], tuple[bytes, str]]:
    for silence in (SILENCE, PATIENCE, PATIENCE):
        ours, sanics = await asyncio.gather(sent(fast, pieces, silence), sent(sanic, pieces, silence))
        # A reset may discard the end of an answer that was sent before it.
        cut = "reset" in (ours[1], sanics[1]) and (ours[0].startswith(sanics[0]) or sanics[0].startswith(ours[0]))
        if ours == sanics or cut:
            return sanics, sanics
    return ours, sanics


def differences(servers: tuple[Server, Server], cases: Iterable[list[bytes]]) -> list[Any]:
    """Ask both servers all cases; return those whose answers differ."""
    found = []

    async def ask(pieces: list[bytes], limit: asyncio.Semaphore) -> None:
        async with limit:
            ours, sanics = await compared(*servers, pieces)
        if ours != sanics:
            found.append((pieces, ours, sanics))

    async def ask_all() -> None:
        limit = asyncio.Semaphore(CONNECTIONS)
        await asyncio.gather(*(ask(pieces, limit) for pieces in cases))

    asyncio.run(ask_all())
    return found


def test_fast_path_answers_each_oddity_as_sanic_does(servers: tuple[Server, Server], answered: Path) -> None:
    cases = itertools.chain.from_iterable(map(pieces_of, odd_in_one_thing()))
    assert differences(servers, cases) == []
    assert len(answered.read_bytes()) >= 10  # otherwise Sanic was compared with Sanic


@pytest.mark.parametrize("seed", [1, 2])
def test_fast_path_answers_mutated_requests_as_sanic_does(
    servers: tuple[Server, Server], answered: Path, seed: int
) -> None:
    before = len(answered.read_bytes()) if answered.exists() else 0
    assert differences(servers, itertools.islice(mutated(Random(seed)), MUTATIONS)) == []
    assert len(answered.read_bytes()) > before


def test_fast_path_declared_headers_are_answered_as_sanic_does(servers: tuple[Server, Server]) -> None:
    fast, sanic = servers
    for headers in ({}, {"Expect": "100-continue"}, {"Upgrade": "h2c"}, {"Content-Encoding": "identity"}):
        answers = [server.send("POST", "/predict", BODIES[0], headers) for server in (fast, sanic)]
        assert len({(it.status, it.data, tuple(it.headers.items())) for it in answers}) == 1
