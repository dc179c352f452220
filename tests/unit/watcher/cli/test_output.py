from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from watcher.cli.output import age, size, table

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


def test_a_width_shortens_the_reason_alone_and_not_below_what_says_something() -> None:
    rows = [{"url": "http://m", "reason": "word " * 20, "age": "5m"}]
    columns = ("url", "reason", "age")
    assert max(map(len, table(rows, columns, width=60).splitlines())) == 60
    assert table(rows, columns, width=10).splitlines()[1] == "http://m  word word word word wor…  5m"


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


@pytest.mark.parametrize(
    ("count", "expected"), [(None, ""), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 1024**5, "5120.0 TiB")]
)
def test_size_is_for_people(count: int | None, expected: str) -> None:
    assert size(count) == expected
