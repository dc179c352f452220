from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.text import one_line
from watcher.core import text


@given(st.text(st.characters(codec=None)), st.integers(4, 50))
def test_one_line_is_the_same_in_server_and_watcher(anything: str, limit: int) -> None:
    assert one_line(anything, limit) == text.one_line(anything, limit)
