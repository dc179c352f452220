from __future__ import annotations

from tests.bench.serving.figures import Case, Figure, Measured, Memory, Run, Started, Waits, figure, started, waits


def run(requests: int, **other: float) -> Run:
    return Run(requests=requests, seconds=2.0, p50_ms=other.pop("p50", 1.0), p99_ms=other.pop("p99", 2.0), **other)


def test_figure_is_the_median_of_each_value() -> None:
    runs = [run(100, p50=3.0, p99=9.0), run(300, p50=1.0, p99=8.0), run(200, p50=2.0, p99=7.0)]
    assert figure(runs) == Figure(rate=100.0, p50_ms=2.0, p99_ms=8.0, runs=3)


def test_figure_with_wrong_answers_fails_and_does_not_count_them() -> None:
    found = figure([run(100), Run(100, 2.0, 1.0, 2.0, wrong=40, shown="500 oh"), run(100)])
    assert found.failure == "40 of 100 answers wrong: 500 oh"
    assert figure([Run(100, 2.0, 1.0, 2.0, wrong=40)]).rate == 30.0


def test_figure_with_broken_connections_or_no_answers_fails() -> None:
    assert figure([Run(100, 2.0, 1.0, 2.0, broken=3)]).failure == "3 connections broke or timed out"
    assert figure([Run(0, 2.0, 0.0, 0.0)]).failure == "no answer at all"
    assert figure([Run(0, 2.0, 0.0, 0.0, shown="answered 404")]).failure == "answered 404"


def test_started_is_the_median_of_each_value() -> None:
    starts = [Started(3.0, Memory(10, 9)), Started(1.0, Memory(30, 8)), Started(2.0, Memory(20, 7))]
    assert started(starts) == Started(2.0, Memory(20, 8))


def test_figure_of_an_unmeasured_case_is_none() -> None:
    measured = Measured()
    assert measured.figure(Case("m", 1, 1), "ours") is None
    assert measured.client_busy() == 0.0


def test_client_busy_is_that_of_the_busiest_case() -> None:
    measured = Measured()
    measured.runs[Case("m", 1, 1)]["ours"] = [Run(1, 1, 1, 1, client_busy=share) for share in (0.1, 0.99, 0.2)]
    measured.runs[Case("m", 1, 16)]["ours"] = [Run(1, 1, 1, 1, client_busy=0.5)]
    assert measured.client_busy() == 0.5


def test_waits_are_summarised_by_median_p99_and_maximum() -> None:
    assert waits([each / 1000 for each in range(200, 0, -1)]) == Waits(200, 100.5, 198.0, 200.0)
    assert waits([0.25]) == Waits(1, 250.0, 250.0, 250.0)
