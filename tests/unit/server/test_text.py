from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.text import clean, one_line
from watcher.core import text


@given(st.text(st.characters(codec=None)), st.integers(4, 50))
def test_one_line_is_the_same_in_server_and_watcher(anything: str, limit: int) -> None:
    assert one_line(anything, limit) == text.one_line(anything, limit)


@given(st.text(st.characters(codec=None)) | st.integers(290, 310).map("x\n".__mul__))
def test_clean_is_the_same_in_server_and_watcher(anything: str) -> None:
    assert clean(anything) == text.clean(anything)
    assert len(clean(anything)) <= text.CLEAN_LIMIT
    assert clean(anything).isprintable()
