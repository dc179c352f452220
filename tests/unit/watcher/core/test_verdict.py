from __future__ import annotations

import pytest

from watcher.core.verdict import MIN_REQUESTS, WINDOW, Decision, Figures, verdict

GOOD = Figures(4000, 0.001, 0.010)


@pytest.mark.parametrize(
    ("canary", "stable", "seconds", "expected"),
    [
        (GOOD, GOOD, WINDOW, Decision.PROMOTE),
        (GOOD, GOOD, WINDOW - 1, Decision.WAIT),
        (Figures(MIN_REQUESTS - 1, 0.9, 9.0), GOOD, WINDOW, Decision.WAIT),
        (GOOD, Figures(MIN_REQUESTS - 1, 0.0, 0.010), WINDOW, Decision.WAIT),
        (Figures(), Figures(), WINDOW, Decision.WAIT),
        (Figures(300, 0.03, 0.010), GOOD, 61, Decision.ROLL_BACK),  # users have these errors: at once
        (Figures(300, 1.0, 0.010), Figures(), 61, Decision.ROLL_BACK),  # it has all requests
        (Figures(300, 0.0, 0.010), Figures(), 10 * WINDOW, Decision.WAIT),
        (Figures(300, 0.02, 0.010), GOOD, WINDOW, Decision.PROMOTE),
        (Figures(300, 0.03, 0.010), Figures(4000, 0.02, 0.010), WINDOW, Decision.PROMOTE),  # both fail
        (Figures(300, 0.0, 0.200), Figures(4000, 0.0, 0.100), WINDOW, Decision.ROLL_BACK),
        (Figures(300, 0.0, 0.200), Figures(4000, 0.0, 0.100), WINDOW - 1, Decision.WAIT),
        (Figures(300, 0.0, 0.006), Figures(4000, 0.0, 0.002), WINDOW, Decision.PROMOTE),  # 4 ms are nobody's loss
        (Figures(300, 0.0, None), GOOD, WINDOW, Decision.PROMOTE),
    ],
)
def test_verdict_by_figures(canary: Figures, stable: Figures, seconds: float, expected: Decision) -> None:
    assert verdict(("v2", canary), ("v1", stable), seconds).decision is expected


def test_verdict_says_its_figures() -> None:
    found = verdict(("v2", Figures(300, 0.071, 0.0123)), ("v1", GOOD), 100)
    assert found.text == (
        "too many errors: v2 7.1 % errors of 300 requests, p99 12.3 ms, "
        "against v1 0.1 % errors of 4000 requests, p99 10 ms"
    )
    assert verdict(("v2", GOOD), ("v1", GOOD), WINDOW - 30).text.endswith("; 30 s to go")
    assert verdict(("v2", Figures()), ("v1", GOOD), 0).text.endswith("; both need 200 requests")
