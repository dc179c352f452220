"""The limit of open files is raised for the connections, and they are fewer where it cannot be."""

from __future__ import annotations

import resource

import pytest

from strict_http.limits import RESERVE
from strict_http.open_files import OTHERS, connections_within

NEEDED = 1000 + RESERVE + OTHERS


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "room"),
    [
        (256, 4096, NEEDED, 1000),
        (256, resource.RLIM_INFINITY, NEEDED, 1000),
        (NEEDED, NEEDED, None, 1000),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None, 1000),
        (256, NEEDED - 400, NEEDED - 400, 600),
        (64, 64, None, 1),
    ],
)
def test_connections_within_raises_the_soft_limit_up_to_the_hard_one(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised: int | None, room: int
) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, found: limits.append(found))
    assert connections_within(1000) == room
    assert limits == ([] if raised is None else [(raised, hard)])
