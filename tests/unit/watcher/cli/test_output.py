from __future__ import annotations

import click

from watcher.cli.output import table


def test_table_aligns_columns_and_cleans_what_others_wrote() -> None:
    rows = [{"key": "a\nb", "reason": "\x1b[31mwhy"}, {"key": "longer key", "reason": None}]
    assert table(rows, ("key", "reason")) == "KEY         REASON\na b         [31mwhy\nlonger key"


def test_table_colours_states_alone_and_keeps_the_columns_aligned() -> None:
    shown = table([{"model": "Ready-made", "state": "Ready", "url": "u"}], ("model", "state", "url"))
    assert click.unstyle(shown) == "MODEL       STATE  URL\nReady-made  Ready  u"
    assert shown != click.unstyle(shown)


def test_an_empty_table_is_what_the_caller_says() -> None:
    assert table([], ("a",), none="no models") == "no models"
