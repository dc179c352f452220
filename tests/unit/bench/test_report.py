from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.bench.serving.cases import LOGISTIC, QUICK
from tests.bench.serving.chart import chart
from tests.bench.serving.figures import Case, Measured, Memory, Run, Started, Waits
from tests.bench.serving.goals import Outcome
from tests.bench.serving.report import Circumstances, document, line, table
from tests.bench.serving.servers import ECHO, MLFLOW, OURS, RECEIVER

SERVERS = (OURS, ECHO, MLFLOW)
HOW = Circumstances("2026-01-02", "a machine", "Python 3.11", "Medians of 3", others=0.0)


def measured() -> Measured:
    found = Measured()
    for name in ("KubeServe", "Sanic echo"):
        found.starts[name] = [Started(1.5, Memory(120.4, 100.2))]
        found.runs[Case(LOGISTIC, 1, 16)][name] = [Run(1000, 1.0, 0.5, 12.0, client_busy=0.25)]
    found.absent["MLflow", LOGISTIC] = "it | broke\nin two lines"
    return found


def page(found: Measured, how: Circumstances = HOW) -> str:
    return document(found, SERVERS, QUICK.cases, how)


def test_cell_has_the_rate_and_both_latencies() -> None:
    assert "| KubeServe | not measured | 1,000 (0.50 / 12) | not measured |" in page(measured())


def test_page_lists_a_peer_that_did_not_start_with_the_reason() -> None:
    assert "| MLflow | did not start | did not start | did not start |" in page(measured())
    assert "| MLflow | did not start |  |  |" in page(measured())
    assert "| MLflow | logistic regression | it / broke in two lines |" in page(measured())


def test_page_has_start_and_memory() -> None:
    assert "| KubeServe | 1.50 s | 120 | 100 |" in page(measured())


def test_page_shows_wrong_answers_instead_of_a_figure() -> None:
    found = measured()
    found.runs[Case(LOGISTIC, 1, 16)]["KubeServe"] = [Run(10, 1.0, 0.5, 0.6, wrong=2, shown="500 no")]
    assert "| KubeServe | not measured | **failed** | not measured |" in page(found)
    where = "logistic regression, 1 row, 16 connections"
    assert f"| KubeServe | {where} | 2 of 10 answers wrong: 500 no |" in page(found)


def test_page_notes_what_may_mislead() -> None:
    assert "wrk needed at most 25% of its core" in page(measured())
    assert "not quiet" not in page(measured())
    noisy = Circumstances("2026-01-02", "a machine", "Python 3.11", "Medians of 3", others=0.4)
    assert "**The machine was not quiet**: other work took 40% of it" in page(measured(), noisy)


def test_page_shows_a_profile_if_there_is_one() -> None:
    assert "What limits it" not in page(measured())
    found = measured()
    found.limits["a load"] = "sklearn 60%"
    assert "| a load | sklearn 60% |" in page(found)


def test_page_explains_the_bound_of_the_large_payload_if_measured() -> None:
    found = measured()
    found.bare_predict.append(100.0)
    assert "The last line is" not in page(found)
    assert "bare receiver" not in page(found).partition("### Settings")[2]
    found.binary[RECEIVER.name, 2] = [Run(100, 1.0, 0.5, 0.6)]
    assert "The last line is what one core can do" in page(found)
    assert "| receiver, then bare `predict` | 50 |" in page(found)
    assert "| bare receiver |  | one process" in page(found).partition("### Settings")[2]


def test_page_shows_the_waits_during_a_long_prediction() -> None:
    assert "While a long prediction runs" not in page(measured())
    found = measured()
    found.meanwhile["/health", "a prediction"] = Waits(90, 1.5, 2.5, 30.2)
    found.meanwhile_seconds = 2.04
    assert "in 2.0 s, nearly all of it one call" in page(found)
    assert "| /health | a prediction | 90 | 1.50 | 2.50 | 30 |" in page(found)
    found.meanwhile_absent = "it broke"
    assert "### While a long prediction runs\n\nNot measured: it broke." in page(found)


def test_page_without_measurements_is_complete() -> None:
    assert "| KubeServe | not measured | not measured | not measured |" in page(Measured())


def test_line_shows_a_goal_for_a_terminal() -> None:
    assert line(Outcome("fast", 0.5, met=False, detail="1 beside 2")) == "missed       fast: 0.50 ×, 1 beside 2"
    assert line(Outcome("fast", None, met=False, detail="no")) == "not measured fast: no"


def test_table_is_markdown() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_chart_has_a_bar_for_each_server_in_proportion_to_its_rate() -> None:
    found = measured()
    found.runs[Case(LOGISTIC, 1, 16)]["Sanic echo"] = [Run(2000, 1.0, 0.5, 0.6)]
    root = ET.fromstring(chart(found, SERVERS, QUICK.charted))
    widths = [float(bar.attrib["width"]) for bar in root.iter("{http://www.w3.org/2000/svg}rect") if "x" in bar.attrib]
    assert widths == [260.0, 520.0, 0.0]
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words[0] == "Requests/s: logistic regression, 1 row, 16 connections"
    assert words[-2:] == ["MLflow", "not measured"]
