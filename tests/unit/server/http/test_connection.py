"""Which bytes the connection answers, buffers, counts, or passes to Sanic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from sanic.config import Config
from sanic.http import Http, Stage

from server.http.answer_budget import AnswerBudget
from server.http.body_budget import BodyBudget
from server.http.connection import MAX_BUFFERED, RESPONSE, FastPathConnection
from server.inference.observer import Observer
from strict_http.connection_limit import ConnectionLimit
from strict_http.limits import Limits

MEMORY = 1024 * 1024


class Transport:
    """Records what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_reading = True

    def pause_reading(self) -> None:
        self.is_reading = False

    write = property(lambda self: self.written.append)

    def is_closing(self) -> bool:
        return False


@pytest.fixture
def connection() -> FastPathConnection:
    """One that waits for its next request, in an app whose answers are the bodies."""
    fast_path = SimpleNamespace(endpoints=(b"/predict",), answer=lambda _, body, __: body)
    parts = dict.fromkeys(("handle_request", "error_handler", "request_class"))
    ctx = SimpleNamespace(
        fast_path=fast_path,
        limits=Limits(),
        connection_limit=ConnectionLimit(1000),
        body_budget=BodyBudget(MEMORY, Observer()),
        answer_budget=AnswerBudget(MEMORY, Observer()),
    )
    app = SimpleNamespace(config=Config(), ctx=ctx, **parts)
    loop = asyncio.new_event_loop()
    made = FastPathConnection(loop=loop, app=app)
    made.transport, made.recv_buffer = Transport(), bytearray()
    made._http = SimpleNamespace(stage=Stage.IDLE, request_body=None, keep_alive=True)
    loop.close()
    return made


def request(body: bytes, target: bytes = b"/predict") -> bytes:
    return b"POST %b HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%b" % (target, len(body), body)


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
    for piece in (data[:57], data[57:]):
        connection.data_received(piece)
    assert connection.transport.written == []
    assert connection.recv_buffer == data


@pytest.mark.parametrize(
    "data",
    [
        *(request(b"{}") * 2, request(b"{}", b"/nope")[:-1], request(b" " * MAX_BUFFERED)[:-1], request(b"{}")[:20]),
        b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 999999999\r\n\r\n",
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
    lambda it: setattr(it, "_is_reserved", True),
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
    connection.transport.is_closing = lambda: True
    assert connection.close_if_idle() is True


def test_check_timeouts_partial_request_goes_to_sanic_which_then_gets_the_rest(connection: FastPathConnection) -> None:
    connection.data_received(request(b"{}")[:-1])
    connection.check_timeouts()
    assert connection.recv_buffer == request(b"{}")[:-1]
    connection.data_received(request(b"{}")[-1:])
    assert connection.recv_buffer == request(b"{}")
    assert connection.transport.written == []


def test_data_received_partial_request_counts_until_it_is_answered(connection: FastPathConnection) -> None:
    budget = connection.app.ctx.body_budget
    connection.data_received(request(b"{  }")[:-1])
    assert budget.total == len(request(b"{  }")) - 1
    connection.data_received(request(b"{  }")[-1:])
    assert budget.total == 0
    assert connection.transport.written


def test_data_received_partial_request_without_memory_goes_to_sanic_and_reading_stops(
    connection: FastPathConnection,
) -> None:
    connection.app.ctx.body_budget.hold("others", MEMORY)
    connection.data_received(request(b"{  }")[:-1])
    assert connection.recv_buffer == request(b"{  }")[:-1]
    assert not connection.transport.is_reading


def test_connection_lost_gives_back_all_memory(connection: FastPathConnection) -> None:
    ctx = connection.app.ctx
    connection.conn_info = SimpleNamespace(lost=False)
    connection.data_received(request(b"{  }")[:20])
    connection.admit_answer(MEMORY)
    assert ctx.body_budget.total == 20
    assert ctx.answer_budget.total == MEMORY
    connection.connection_lost(None)
    connection.admit_answer(MEMORY)  # by the request's task, which is only cancelled in its next turn
    assert connection.count_buffered()
    assert ctx.body_budget.total == ctx.answer_budget.total == 0


def test_after_answer_counts_it_until_the_client_has_read_it(connection: FastPathConnection) -> None:
    budget = connection.app.ctx.answer_budget
    connection.admit_answer(MEMORY)
    connection.pause_writing()
    connection.after_answer()
    assert budget.total == MEMORY
    connection.resume_writing()
    assert budget.total == 0
    connection.admit_answer(MEMORY)
    connection.after_answer()
    assert budget.total == 0
