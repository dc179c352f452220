"""What becomes of connections that are slow, silent, or too many: the connection's own decisions, with a given time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from sanic.config import Config
from sanic.exceptions import SanicException
from sanic.http import Stage

from strict_http.connection_limit import ConnectionLimit
from strict_http.limits import Limits
from strict_http.sanic_connection import RESERVED_SECONDS, STOPPING_SECONDS, StrictConnection

LIMITS = Limits(head_seconds=10, body_seconds=60, answer_seconds=60, least_rate=1000, connections=2)


class Transport:
    """Records how it is ended."""

    def __init__(self) -> None:
        self.unsent, self.ends = 0, []  # type: ignore[var-annotated]

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, **_: int) -> None: ...

    def get_extra_info(self, _: str) -> None: ...

    def is_closing(self) -> bool:
        return bool(self.ends)

    def close(self) -> None:
        self.ends.append("close")

    def abort(self) -> None:
        self.ends.append("abort")


@pytest.fixture
def connection() -> StrictConnection:
    """One that waits for its first request."""
    parts = dict.fromkeys(("handle_request", "error_handler", "request_class"))
    ctx = SimpleNamespace(limits=LIMITS, connection_limit=ConnectionLimit(LIMITS.connections))
    loop = asyncio.new_event_loop()
    made = StrictConnection(loop=loop, app=SimpleNamespace(config=Config(), ctx=ctx, **parts))
    loop.close()
    made.loop = SimpleNamespace(call_later=lambda *_: None, call_soon=lambda *_: None)
    made.transport, made.recv_buffer = Transport(), bytearray()
    made._http = SimpleNamespace(stage=Stage.IDLE, request_body=None, keep_alive=True, exception=None)
    made._task = SimpleNamespace(cancelled=0)
    made._task.cancel = lambda: setattr(made._task, "cancelled", made._task.cancelled + 1)
    made._time = monotonic()
    return made


def in_head(connection: StrictConnection) -> None:
    connection.begin_head()
    connection.http.stage = Stage.REQUEST


def in_body(connection: StrictConnection) -> None:
    connection.http.stage, connection.http.request_body = Stage.HANDLER, True
    connection.begin_request(connection.http)


def in_refused_body(connection: StrictConnection) -> None:
    in_body(connection)
    connection.http.stage = Stage.IDLE


def in_handler(connection: StrictConnection) -> None:
    connection.http.stage = Stage.HANDLER


def idle(connection: StrictConnection) -> None:
    connection.restart_timeout()


def reserved(connection: StrictConnection) -> None:
    connection._is_reserved = True


def reserved_in_head(connection: StrictConnection) -> None:
    connection._is_reserved = True
    in_head(connection)


@pytest.mark.parametrize(
    ("begin", "seconds", "code"),
    [
        (in_head, LIMITS.head_seconds, 408),
        (in_body, LIMITS.body_seconds, 408),
        (in_refused_body, LIMITS.body_seconds, None),
        (in_handler, Config().RESPONSE_TIMEOUT, 503),
        (idle, Config().KEEP_ALIVE_TIMEOUT, None),
        (reserved, RESERVED_SECONDS, None),
        (reserved_in_head, RESERVED_SECONDS, 408),
    ],
)
def test_end_what_is_late_cancels_after_its_time_with_its_answer(
    connection: StrictConnection, begin: Callable[[StrictConnection], None], seconds: float, code: int | None
) -> None:
    begin(connection)
    now = monotonic()
    connection._end_what_is_late(now + seconds - 1)
    assert connection._task.cancelled == 0
    for later in (1, 2, 100):  # cancelled once: the answer is being sent then
        connection._end_what_is_late(now + seconds + later)
    assert connection._task.cancelled == 1
    assert getattr(connection.http.exception, "status_code", None) == code


def test_end_what_is_late_bytes_now_and_then_do_not_renew_the_time_of_head_or_body(
    connection: StrictConnection,
) -> None:
    for begin, seconds in ((in_head, LIMITS.head_seconds), (in_body, LIMITS.body_seconds)):
        begin(connection)
        connection._is_ending = False
        cancelled = connection._task.cancelled
        for _ in range(100):
            connection.data_received(b" ")
        connection._end_what_is_late(monotonic() + seconds + 1)
        assert connection._task.cancelled == cancelled + 1


@pytest.mark.parametrize(("begin", "code"), [(in_head, 408), (in_body, 408), (in_refused_body, None)])
def test_hurry_leaves_little_time_to_what_is_slow(
    connection: StrictConnection, begin: Callable[[StrictConnection], None], code: int | None
) -> None:
    begin(connection)
    connection.hurry()
    now = monotonic()
    connection._end_what_is_late(now)
    assert not connection._task.cancelled
    connection._end_what_is_late(now + STOPPING_SECONDS + 0.1)
    assert connection._task.cancelled
    assert getattr(connection.http.exception, "status_code", None) == code


def test_hurry_a_body_at_the_least_rate_takes_as_long_as_it_needs(connection: StrictConnection) -> None:
    in_body(connection)
    connection.hurry()
    later = monotonic() + 3 * STOPPING_SECONDS
    for _ in range(6):
        connection._body.record(later, connection.limits.least_rate)
    connection._end_what_is_late(later)
    assert not connection._task.cancelled


def test_record_body_at_the_least_rate_gives_more_time(connection: StrictConnection) -> None:
    in_body(connection)
    assert connection._body is not None
    connection._body.deadline -= 30
    connection.record_body(int(20 * LIMITS.least_rate))
    now = monotonic()
    connection._end_what_is_late(now + LIMITS.body_seconds - 11)
    assert connection._task.cancelled == 0
    connection._end_what_is_late(now + LIMITS.body_seconds - 9)
    assert connection._task.cancelled == 1


@pytest.mark.parametrize(("read_a_second", "ends"), [(0, ["abort"]), (900, ["abort"]), (1100, [])])
def test_end_what_is_late_answer_that_is_read_too_slowly_aborts(
    connection: StrictConnection, read_a_second: int, ends: list[str]
) -> None:
    connection.pause_writing()
    connection.transport.unsent = 10_000_000
    for second in range(0, 1000, 2):
        connection._end_what_is_late(1e6 + second)
        connection.transport.unsent -= 2 * read_a_second
    assert connection.transport.ends[:1] == ends


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("HEAD", None)])
def test_begin_request_beyond_the_limit_answers_reads_once(
    connection: StrictConnection, method: str, body: object
) -> None:
    http: Any = SimpleNamespace(request=SimpleNamespace(method=method), request_body=body, keep_alive=True)
    connection._is_reserved = True
    connection.begin_request(http)
    assert http.keep_alive is False


@pytest.mark.parametrize(("method", "body"), [("POST", None), ("POST", True), ("GET", "chunked")])
def test_begin_request_beyond_the_limit_refuses_all_others(
    connection: StrictConnection, method: str, body: object
) -> None:
    http: Any = SimpleNamespace(request=SimpleNamespace(method=method), request_body=body, keep_alive=True)
    connection._is_reserved = True
    with pytest.raises(SanicException, match="2 connections are open") as refused:
        connection.begin_request(http)
    assert (refused.value.status_code, refused.value.headers) == (503, {"Retry-After": "1"})
    assert http.keep_alive is False


def test_connection_made_and_lost_take_and_give_back_a_place(connection: StrictConnection) -> None:
    made = []

    async def connect() -> None:
        for _ in range(LIMITS.connections + 1):
            each = StrictConnection(loop=asyncio.get_running_loop(), app=connection.app)
            each.connection_made(Transport())
            each._task.cancel()
            made.append(each)

    asyncio.run(connect())
    assert [each._is_reserved for each in made] == [False, False, True]
    made[0].connection_lost(None)
    assert made[0].is_lost
    assert connection.app.ctx.connection_limit.add(connection, 0.0) is False


@pytest.mark.parametrize(
    "make_busy",
    [
        lambda it: setattr(it, "_http", None),
        lambda it: setattr(it._http, "stage", Stage.HANDLER),
        lambda it: setattr(it._http, "request_body", True),
        lambda it: setattr(it, "recv_buffer", bytearray(b"x")),
        lambda it: it.pause_writing(),
    ],
)
def test_idle_since_is_none_while_anything_is_going_on(
    connection: StrictConnection, make_busy: Callable[[StrictConnection], None]
) -> None:
    assert connection.idle_since() == connection._time
    make_busy(connection)
    assert connection.idle_since() is None
