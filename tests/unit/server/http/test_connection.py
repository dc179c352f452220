"""Which bytes the connection answers, buffers, or passes to Sanic, and what becomes of requests that stall."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from sanic.config import Config
from sanic.http import Http, Stage

from server.http.connection import LINGER, MAX_BUFFERED, RESPONSE, FastPathConnection


class Transport:
    """Records what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    write = property(lambda self: self.written.append)

    def is_closing(self) -> bool:
        return True


@pytest.fixture
def connection() -> FastPathConnection:
    """One that waits for its next request, in an app whose answers are the bodies."""
    fast_path = SimpleNamespace(endpoints=(b"/predict",), answer=lambda _, body, __: body)
    parts = dict.fromkeys(("handle_request", "error_handler", "request_class"))
    app = SimpleNamespace(config=Config(), ctx=SimpleNamespace(fast_path=fast_path), **parts)
    loop = asyncio.new_event_loop()
    made = FastPathConnection(loop=loop, app=app)
    made.transport, made.recv_buffer = Transport(), bytearray()
    made._http = SimpleNamespace(stage=Stage.IDLE, request_body=None, keep_alive=True)
    loop.close()
    return made


def request(body: bytes, target: bytes = b"/predict") -> bytes:
    return b"POST %b HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (target, len(body), body)


def test_data_received_whole_request_is_answered_and_restarts_the_timeout(connection: FastPathConnection) -> None:
    connection._time = 0
    connection.data_received(request(b"{}"))
    assert connection.transport.written == [RESPONSE % (2, b"{}")]
    assert connection._time > 0
    assert not connection.recv_buffer


def test_data_received_request_in_pieces_is_answered_after_the_last(connection: FastPathConnection) -> None:
    data = request(b"{  }")
    for piece in (data[:-4], data[-4:-1], data[-1:]):
        assert connection.transport.written == []
        connection._time = 0
        connection.data_received(piece)
        assert connection._time > 0
    assert connection.transport.written == [RESPONSE % (4, b"{  }")]
    connection.data_received(request(b"[]"))
    assert connection.transport.written[1:] == [RESPONSE % (2, b"[]")]
    assert not connection.recv_buffer


def test_data_received_more_than_the_rest_goes_to_sanic_whole(connection: FastPathConnection) -> None:
    data = request(b"{  }") + b"GET / HTTP/1.1\r\n\r\n"
    for piece in (data[:48], data[48:]):
        connection.data_received(piece)
    assert connection.transport.written == []
    assert connection.recv_buffer == data


@pytest.mark.parametrize(
    "data",
    [
        *(request(b"{}") * 2, request(b"{}", b"/nope")[:-1], request(b" " * MAX_BUFFERED)[:-1], request(b"{}")[:20]),
        b"POST /predict HTTP/1.1\r\ncontent-length: 999999999\r\n\r\n",
    ],
    ids=["two at once", "half, elsewhere", "more than is buffered", "half a head", "huge"],
)
def test_data_received_anything_but_one_whole_request_goes_to_sanic(
    connection: FastPathConnection, data: bytes
) -> None:
    connection.data_received(data)
    assert connection.transport.written == []
    assert connection.recv_buffer == data


BUSY: list[Callable[[FastPathConnection], None]] = [
    lambda it: setattr(it, "_http", None),
    lambda it: setattr(it._http, "stage", Stage.HANDLER),
    lambda it: setattr(it._http, "request_body", True),
    lambda it: setattr(it._http, "keep_alive", False),
    lambda it: it._can_write.clear(),
    lambda it: it.app.config.update(KEEP_ALIVE=False),
    lambda it: setattr(it, "request_max_size", 1),
]


@pytest.mark.parametrize("make_busy", BUSY)
def test_data_received_while_sanic_is_busy_goes_to_sanic(
    connection: FastPathConnection, make_busy: Callable[[FastPathConnection], None]
) -> None:
    make_busy(connection)
    connection.data_received(request(b"{}"))
    assert connection.transport.written == []
    assert connection.recv_buffer == request(b"{}")


@pytest.mark.parametrize("make_busy", BUSY)
def test_data_received_rest_of_a_request_while_sanic_is_busy_goes_to_sanic(
    connection: FastPathConnection, make_busy: Callable[[FastPathConnection], None]
) -> None:
    connection.data_received(request(b"{}")[:-1])
    make_busy(connection)
    connection.data_received(request(b"{}")[-1:])
    assert connection.transport.written == []
    assert connection.recv_buffer == request(b"{}")


def test_data_received_request_that_the_fast_path_leaves_goes_to_sanic(connection: FastPathConnection) -> None:
    connection.app.ctx.fast_path.answer = lambda *_: None
    connection.data_received(request(b"{}"))
    assert connection.transport.written == []
    assert connection.recv_buffer == request(b"{}")


def test_data_received_head_larger_than_sanic_takes_goes_to_sanic(connection: FastPathConnection) -> None:
    head = request(b"")[:-2] + b"x: "
    largest = head + b" " * (Http.HEADER_MAX_SIZE - len(head) - 1) + b"\r\n\r\n"
    assert Http.HEADER_MAX_SIZE == Config().REQUEST_MAX_HEADER_SIZE
    connection.app.ctx.fast_path.answer = lambda *_: b"{}"
    connection.data_received(largest)
    assert connection.transport.written == [RESPONSE % (2, b"{}")]
    connection.data_received(larger := largest.replace(b"x: ", b"x:  "))
    assert connection.transport.written == [RESPONSE % (2, b"{}")]
    assert connection.recv_buffer == larger


def test_close_if_idle_partial_request_is_not_idle(connection: FastPathConnection) -> None:
    connection.data_received(request(b"{}")[:-1])
    assert connection.close_if_idle() is False
    assert connection.recv_buffer == request(b"{}")[:-1]
    assert connection.close_if_idle() is True


def test_check_timeouts_partial_request_goes_to_sanic_which_then_gets_the_rest(connection: FastPathConnection) -> None:
    connection.data_received(request(b"{}")[:-1])
    connection.check_timeouts()
    assert connection.recv_buffer == request(b"{}")[:-1]
    connection.data_received(request(b"{}")[-1:])
    assert connection.recv_buffer == request(b"{}")
    assert connection.transport.written == []


@pytest.mark.parametrize(("since", "closed"), [(-1e9, [(LINGER, "close")]), (1e9, [])])
def test_check_timeouts_after_a_timeout_closes_without_the_rest_of_the_body(
    connection: FastPathConnection, since: float, closed: list[tuple[float, str]]
) -> None:
    later: list[tuple[float, str]] = []
    connection.loop = SimpleNamespace(call_later=lambda seconds, call: later.append((seconds, call.__name__)))
    connection._task, connection._time = SimpleNamespace(cancel=lambda _: None), since
    http = SimpleNamespace(stage=Stage.HANDLER, upgrade_websocket=False, exception=None, request_body=None)
    connection._http = http
    connection.check_timeouts()
    assert [call for call in later if call[1] == "close"] == closed


@pytest.mark.parametrize(("body", "since", "code"), [(True, -1e9, 408), (True, 1e9, None), (None, -1e9, None)])
def test_check_timeouts_body_that_stalls_is_answered_408(
    connection: FastPathConnection, body: bool | None, since: float, code: int | None
) -> None:
    cancelled: list[bool] = []
    connection.loop = SimpleNamespace(call_later=lambda *_: None)
    connection._task, connection._time = SimpleNamespace(cancel=lambda *_: cancelled.append(True)), since
    connection._http = SimpleNamespace(stage=Stage.HANDLER, upgrade_websocket=False, exception=None, request_body=body)
    connection.response_timeout = 1e12
    connection.check_timeouts()
    assert getattr(connection._http.exception, "status_code", None) == code
    assert len(cancelled) == (code is not None)
