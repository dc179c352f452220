from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.addresses import join_address, split_address
from watcher.errors import Rejected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("minio:9000", ("minio", 9000)),
        ("minio", ("minio", None)),
        (":8080", ("", 8080)),
        ("[::]:8080", ("::", 8080)),
        ("[::1]", ("::1", None)),
        ("", ("", None)),
    ],
)
def test_split_address(text: str, expected: tuple[str, int | None]) -> None:
    assert split_address(text) == expected


@pytest.mark.parametrize(
    "text", ["a:b", "a:-1", "a:65536", "a:\uff18\uff10", "::1", "1:2:3", "[::1]8080", "a b", "-a", "http://a"]
)
def test_split_address_of_a_slip_is_rejected(text: str) -> None:
    with pytest.raises(Rejected, match=r"expected|brackets"):
        split_address(text)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_split_address_reverses_join_address(address: object, port: int) -> None:
    assert split_address(join_address(str(address), port)) == (str(address), port)
