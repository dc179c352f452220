from __future__ import annotations

from datetime import UTC, datetime, timedelta

from watcher.control.source_health import SourceHealth, report_skew

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_report_returns_true_only_for_news_and_keeps_the_hints() -> None:
    sources = SourceHealth(lambda: NOW)
    assert sources.report("poll", live=False, detail="no survey yet")
    assert not sources.report("poll", live=False, detail="no survey yet")
    sources.count("poll", 2)
    assert sources.report("poll", live=True)
    (status,) = sources.all()
    assert (status.live, status.detail, status.hints, status.since, status.last_hint) == (True, "", 2, NOW, NOW)


def test_report_stores_a_detail_of_others_as_one_printable_line() -> None:
    sources = SourceHealth()
    sources.report("poll", live=False, detail="<html>\n\x1b[31m" + "x" * 10_000)
    (status,) = sources.all()
    assert status.detail.startswith("<html> [31mxxx")
    assert len(status.detail) < 5000


def test_all_returns_the_sources_in_the_order_of_their_names() -> None:
    sources = SourceHealth()
    for name in ("webhook", "listen", "poll"):
        sources.report(name, live=True)
    assert [source.name for source in sources.all()] == ["listen", "poll", "webhook"]


def test_report_skew_shows_the_clock_until_it_is_set() -> None:
    health = SourceHealth()
    report_skew(health, timedelta(minutes=61))
    (shown,) = health.all()
    assert (shown.name, shown.live) == ("clock", False)
    assert "61 minutes behind the store's" in shown.detail
    report_skew(health, timedelta(minutes=-20))
    assert "20 minutes ahead of the store's" in health.all()[0].detail
    report_skew(health, timedelta())
    assert (health.all()[0].live, health.all()[0].detail) == (True, "")
