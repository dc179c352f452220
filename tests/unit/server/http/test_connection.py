"""Which requests are answered from their bytes: those whose head says nothing that Sanic would have to act upon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from sanic.config import Config
from sanic.http import Http, Stage

from server.http.connection import ANSWER, HEAD, HELD, LINGER, Connection

START = b"POST /predict HTTP/1.1\r\n"
LENGTH = b"Content-Length: 2\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        LENGTH,
        b"Host: a:80\r\ncontent-length:2\r\nUser-Agent: b (c; d)\r\n",
        b"CONTENT-LENGTH: 2\r\nConnection: keep-alive\r\n",
        b"connection: Keep-Alive\r\nX-Empty:\r\ncontent-length: 2\r\nCookie: a=\xff\r\n",
    ],
)
def test_usual_heads_are_known(fields: bytes) -> None:
    head = HEAD.match(START + fields + b"\r\n{}")
    assert head
    assert (head["target"], head["length"], head.string[head.end() :]) == (b"/predict", b"2", b"{}")


@pytest.mark.parametrize(
    "start",
    [
        *(b"GET /predict HTTP/1.1\r\n", b"post /predict HTTP/1.1\r\n", b"POST /predict HTTP/1.0\r\n"),
        *(b"POST  /predict HTTP/1.1\r\n", b"POST /a b HTTP/1.1\r\n", b"POST /predict HTTP/1.1\n"),
    ],
)
def test_other_request_lines_are_sanics(start: bytes) -> None:
    assert HEAD.match(start + LENGTH + b"\r\n{}") is None


@pytest.mark.parametrize(
    "fields",
    [
        *(
            b"",
            b"Content-Length: -2\r\n",
            b"Content-Length: 2 2\r\n",
            b"Content-Length: 0x2\r\n",
            b"Content-Length: \r\n",
        ),
        *(b"Content-Length: 1234567890\r\n", LENGTH + LENGTH, LENGTH + b"content-length : 3\r\n", LENGTH[:-2]),
        *(LENGTH + b"Transfer-Encoding: chunked\r\n", b"transfer-encoding: chunked\r\n" + LENGTH),
        *(LENGTH + b"Content-Encoding: gzip\r\n", LENGTH + b"Expect: 100-continue\r\n"),
        *(LENGTH + b"Connection: close\r\n", b"Connection: keep-alive, upgrade\r\n" + LENGTH),
        *(LENGTH + b"Upgrade: websocket\r\n", LENGTH + b" folded\r\n", LENGTH + b"no colon\r\n"),
        *(LENGTH + b"a b: c\r\n", b"X: 1\nContent-Length: 3\r\n" + LENGTH, b"X: 1\r" + LENGTH),
    ],
)
def test_fields_that_are_odd_or_change_how_a_request_is_read_are_sanics(fields: bytes) -> None:
    assert HEAD.match(START + fields + b"\r\n{}") is None


class Transport:
    """What was written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    write = property(lambda self: self.written.append)

    def is_closing(self) -> bool:
        return True


@pytest.fixture
def connection() -> Connection:
    """One that waits for its next request, in an app whose answers are the bodies."""
    hot = SimpleNamespace(endpoints=(b"/predict",), answer=lambda _, body, __: body)
    parts = dict.fromkeys(("handle_request", "error_handler", "request_class"))
    app = SimpleNamespace(config=Config(), ctx=SimpleNamespace(fast_path=hot), **parts)
    loop = asyncio.new_event_loop()
    made = Connection(loop=loop, app=app)
    made.transport, made.recv_buffer = Transport(), bytearray()
    made._http = SimpleNamespace(stage=Stage.IDLE, request_body=None, keep_alive=True)
    loop.close()
    return made


def request(body: bytes, target: bytes = b"/predict") -> bytes:
    return b"POST %b HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (target, len(body), body)


def test_a_whole_request_is_answered_and_keeps_the_connection_from_being_idle(connection: Connection) -> None:
    connection._time = 0
    connection.data_received(request(b"{}"))
    assert connection.transport.written == [ANSWER % (2, b"{}")]
    assert connection._time > 0
    assert not connection.recv_buffer


def test_a_request_in_pieces_is_answered_when_the_last_is_there(connection: Connection) -> None:
    data = request(b"{  }")
    for piece in (data[:-4], data[-4:-1], data[-1:]):
        assert connection.transport.written == []
        connection.data_received(piece)
    assert connection.transport.written == [ANSWER % (4, b"{  }")]


@pytest.mark.parametrize(
    "data",
    [
        *(request(b"{}") * 2, request(b"{}", b"/nope")[:-1], request(b" " * HELD)[:-1], request(b"{}")[:20]),
        b"POST /predict HTTP/1.1\r\ncontent-length: 999999999\r\n\r\n",
    ],
    ids=["two at once", "half, elsewhere", "more than is held", "half a head", "huge"],
)
def test_what_is_not_one_whole_request_goes_to_sanic_as_it_is(connection: Connection, data: bytes) -> None:
    connection.data_received(data)
    assert connection.transport.written == []
    assert connection.recv_buffer == data


BUSY: list[Callable[[Connection], None]] = [
    lambda it: setattr(it, "_http", None),
    lambda it: setattr(it._http, "stage", Stage.HANDLER),
    lambda it: setattr(it._http, "request_body", True),
    lambda it: setattr(it._http, "keep_alive", False),
    lambda it: it._can_write.clear(),
    lambda it: it.app.config.update(KEEP_ALIVE=False),
    lambda it: setattr(it, "request_max_size", 1),
]


@pytest.mark.parametrize("made", BUSY)
def test_while_sanic_has_a_say_it_gets_all(connection: Connection, made: Callable[[Connection], None]) -> None:
    made(connection)
    connection.data_received(request(b"{}"))
    assert connection.transport.written == []
    assert connection.recv_buffer == request(b"{}")


def test_what_the_answers_maker_leaves_goes_to_sanic(connection: Connection) -> None:
    connection.app.ctx.fast_path.answer = lambda *_: None
    connection.data_received(request(b"{}"))
    assert connection.recv_buffer == request(b"{}")


def test_half_a_request_is_not_idle_when_the_server_stops(connection: Connection) -> None:
    connection.data_received(request(b"{}")[:-1])
    assert connection.close_if_idle() is False
    assert connection.recv_buffer == request(b"{}")[:-1]
    assert connection.close_if_idle() is True


def test_a_head_larger_than_sanic_takes_is_sanics_to_refuse(connection: Connection) -> None:
    head = request(b"")[:-2] + b"x: "
    largest = head + b" " * (Http.HEADER_MAX_SIZE - len(head) - 1) + b"\r\n\r\n"
    assert Http.HEADER_MAX_SIZE == Config().REQUEST_MAX_HEADER_SIZE
    connection.app.ctx.fast_path.answer = lambda *_: b"{}"
    connection.data_received(largest)
    assert connection.transport.written == [ANSWER % (2, b"{}")]
    connection.data_received(larger := largest.replace(b"x: ", b"x:  "))
    assert connection.transport.written == [ANSWER % (2, b"{}")]
    assert connection.recv_buffer == larger


def test_half_a_request_is_timed_by_sanic(connection: Connection) -> None:
    connection.data_received(request(b"{}")[:-1])
    connection.check_timeouts()
    assert connection.recv_buffer == request(b"{}")[:-1]


@pytest.mark.parametrize(("since", "closed"), [(-1e9, [(LINGER, "close")]), (1e9, [])])
def test_after_a_timeout_the_rest_of_the_body_is_not_waited_for(
    connection: Connection, since: float, closed: list[tuple[float, str]]
) -> None:
    later: list[tuple[float, str]] = []
    connection.loop = SimpleNamespace(call_later=lambda seconds, call: later.append((seconds, call.__name__)))
    connection._task, connection._time = SimpleNamespace(cancel=lambda _: None), since
    http = SimpleNamespace(stage=Stage.HANDLER, upgrade_websocket=False, exception=None, request_body=None)
    connection._http = http
    connection.check_timeouts()
    assert [call for call in later if call[1] == "close"] == closed


@pytest.mark.parametrize(("body", "since", "code"), [(True, -1e9, 408), (True, 1e9, None), (None, -1e9, None)])
def test_a_body_that_comes_no_further_is_given_up(
    connection: Connection, body: bool | None, since: float, code: int | None
) -> None:
    cancelled: list[bool] = []
    connection.loop = SimpleNamespace(call_later=lambda *_: None)
    connection._task, connection._time = SimpleNamespace(cancel=lambda *_: cancelled.append(True)), since
    connection._http = SimpleNamespace(stage=Stage.HANDLER, upgrade_websocket=False, exception=None, request_body=body)
    connection.response_timeout = 1e12
    connection.check_timeouts()
    assert getattr(connection._http.exception, "status_code", None) == code
    assert len(cancelled) == (code is not None)
