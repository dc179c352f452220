"""The limit on connections: idle ones make room, and a reserve answers health checks."""

from __future__ import annotations

from dataclasses import dataclass, field

from strict_http.connection_limit import MIN_IDLE, SCAN_INTERVAL, ConnectionLimit
from strict_http.limits import RESERVE


@dataclass(eq=False)
class Connection:
    """One that is busy, or idle since a time."""

    idle: float | None = None
    ends: list[str] = field(default_factory=list)

    def idle_since(self) -> float | None:
        return self.idle

    def close(self) -> None:
        self.ends.append("closed")

    def drop(self) -> None:
        self.ends.append("dropped")


def filled(limit: ConnectionLimit, count: int, idle: float | None = None) -> list[Connection]:
    made = [Connection(idle) for _ in range(count)]
    assert not any(limit.add(each, 0.0) for each in made)
    return made


def test_add_beyond_the_limit_is_reserved_until_one_is_removed() -> None:
    limit = ConnectionLimit(3)
    first, *_ = filled(limit, 3)
    assert limit.add(Connection(), 1.0)
    limit.remove(first)
    assert not limit.add(Connection(), 2.0)
    assert limit.add(Connection(), 3.0)


def test_add_beyond_the_limit_closes_the_one_that_is_idle_longest() -> None:
    limit = ConnectionLimit(3)
    (busy,), (shorter,), (longer,) = filled(limit, 1), filled(limit, 1, idle=5.0), filled(limit, 1, idle=4.0)
    assert not limit.add(Connection(), 10.0)
    assert (busy.ends, shorter.ends, longer.ends) == ([], [], ["closed"])
    limit.remove(longer)  # its connection_lost follows
    assert not limit.add(Connection(), 10.0 + SCAN_INTERVAL)
    assert shorter.ends == ["closed"]
    assert limit.add(Connection(), 20.0)


def test_add_does_not_close_one_that_has_just_become_idle_and_does_not_search_each_time() -> None:
    limit = ConnectionLimit(1)
    (idle,) = filled(limit, 1, idle=5.0)
    assert limit.add(Connection(), 5.0 + MIN_IDLE / 2)
    idle.idle = 0.0
    assert limit.add(Connection(), 5.0 + MIN_IDLE / 2 + SCAN_INTERVAL / 2)
    assert not limit.add(Connection(), 5.0 + MIN_IDLE / 2 + SCAN_INTERVAL)


def test_add_beyond_the_reserve_drops_the_oldest_of_it() -> None:
    limit = ConnectionLimit(1)
    (busy,) = filled(limit, 1)
    reserved = [Connection() for _ in range(RESERVE)]
    assert all(limit.add(each, 1.0) for each in reserved)
    assert limit.add(Connection(), 1.0)
    assert [each.ends for each in reserved] == [["dropped"], *[[] for _ in range(RESERVE - 1)]]
    assert not busy.ends
