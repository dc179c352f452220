from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from watcher.cli.output import age, table

NOW = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)


def test_table_aligns_columns_and_cleans_what_others_wrote() -> None:
    rows = [{"key": "a\nb", "reason": "\x1b[31mwhy"}, {"key": "longer key", "reason": None}]
    assert table(rows, ("key", "reason")) == "KEY         REASON\na b         [31mwhy\nlonger key"


def test_table_colours_states_alone_and_keeps_the_columns_aligned() -> None:
    shown = table([{"model": "Ready-made", "state": "Ready", "url": "u"}], ("model", "state", "url"))
    assert click.unstyle(shown) == "MODEL       STATE  URL\nReady-made  Ready  u"
    assert shown != click.unstyle(shown)


def test_an_empty_table_is_what_the_caller_says() -> None:
    assert table([], ("a",), none="no models") == "no models"


def test_table_that_does_not_fit_has_the_sentences_below_their_rows() -> None:
    rows = [{"url": "http://m", "reason": "why it failed"}, {"url": "http://n", "reason": ""}]
    assert table(rows, ("url", "reason"), width=23).splitlines()[1] == "http://m  why it failed"
    assert table(rows, ("url", "reason"), width=22).splitlines() == ["URL", "http://m", "  why it failed", "http://n"]
    assert table(rows, ("url", "reason"), width=8).splitlines()[2:4] == ["  why it", "  failed"]


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-11-30T09:59:18+00:00", "42s"),
        ("2026-11-30T09:58:01+00:00", "119s"),
        ("2026-11-30T09:55:00+00:00", "5m"),
        ("2026-11-30T05:00:00+00:00", "5h"),
        ("2026-11-20T10:00:00", "10d"),
        ("2026-11-30T10:00:09+00:00", "0s"),
        ("yesterday", ""),
        (None, ""),
    ],
)
def test_age_is_that_of_kubectl(since: str | None, expected: str) -> None:
    assert age(since, NOW) == expected
