from __future__ import annotations

from tests.bench.serving.cases import FOREST, LOGISTIC
from tests.bench.serving.figures import Case, Measured, Memory, Run, Started
from tests.bench.serving.goals import Goal, Outcome, described, missed, outcomes
from tests.bench.serving.servers import ALL
from tests.bench.serving.servers import PLATFORMS as PEERS

CASE = Case(LOGISTIC, 1, 16)
ALL_PLATFORMS = [server.name for server in PEERS]


def measured(**rates: int) -> Measured:
    """Return a run of one second in one case for each server; the p99 is a tenth of the rate."""
    found = Measured()
    for name, rate in rates.items():
        found.runs[CASE][name.replace("_", " ")] = [Run(rate, 1.0, 1.0, rate / 10)]
    return found


def outcome(found: Measured, start: str) -> Outcome:
    return next(each for each in outcomes(found) if each.goal.startswith(start))


ECHO = "logistic regression, 1 row, 16 connections: ≥ 0.85 × Sanic echo"
PLATFORMS = "logistic regression, 1 row, 16 connections: ≥ 12 × the fastest of the platforms"
TAIL = "logistic regression, 1 row, 16 connections: p99 ≤ 2 × Sanic echo"
BINARY = "10,000 rows × 100 features by V2 binary: ≥ 0.5 × the bare predict"


def test_goal_is_met_at_its_rate_and_missed_below() -> None:
    assert outcome(measured(KubeServe=850, Sanic_echo=1000), ECHO).met
    below = outcome(measured(KubeServe=840, Sanic_echo=1000), ECHO)
    assert below == Outcome(ECHO, 0.84, met=False, detail="840/s beside Sanic echo's 1,000")


def test_goal_compares_with_the_fastest_measured_platform() -> None:
    found = outcome(measured(KubeServe=1200, **dict.fromkeys(ALL_PLATFORMS, 50) | {"MLServer": 100}), PLATFORMS)
    assert found == Outcome(PLATFORMS, 12.0, met=True, detail="1,200/s beside MLServer's 100")


def test_goal_names_the_platforms_that_failed() -> None:
    found = measured(KubeServe=1200, **dict.fromkeys(ALL_PLATFORMS[:-2], 100))
    found.runs[CASE][ALL_PLATFORMS[-2]] = [Run(9000, 1.0, 1.0, 2.0, wrong=9000)]
    assert outcome(found, PLATFORMS).detail == "1,200/s beside MLServer's 100; without KServe SDK / MLflow"


def test_latency_goal_is_met_below_its_limit() -> None:
    assert outcome(measured(KubeServe=200, Sanic_echo=100), TAIL).met
    assert not outcome(measured(KubeServe=201, Sanic_echo=100), TAIL).met


def test_goal_is_missed_with_wrong_answers() -> None:
    found = measured(Sanic_echo=1000)
    found.runs[CASE]["KubeServe"] = [Run(5000, 1.0, 1.0, 2.0, wrong=1, shown="200 no")]
    assert outcome(found, ECHO) == Outcome(ECHO, None, met=False, detail="KubeServe: 1 of 5000 answers wrong: 200 no")


def test_goal_ignores_a_peer_with_wrong_answers() -> None:
    found = measured(KubeServe=1200, MLServer=100)
    found.runs[CASE]["MLflow"] = [Run(9000, 1.0, 1.0, 2.0, wrong=9000)]
    assert outcome(found, PLATFORMS).ratio == 12.0


def test_goal_that_could_not_be_measured_has_the_reason() -> None:
    found = measured(Sanic_echo=1000)
    found.absent["KubeServe", LOGISTIC] = "ended with status 1"
    assert outcome(found, ECHO) == Outcome(ECHO, None, met=False, detail="KubeServe did not start: ended with status 1")
    assert outcome(measured(KubeServe=1), ECHO).detail == "not measured: Sanic echo"


def test_binary_goal_is_decided_at_two_connections() -> None:
    found = Measured(bare_predict=[900.0, 1000.0, 1100.0])
    found.binary["KubeServe", 1] = [Run(100, 1.0, 1.0, 1.0)]
    found.binary["KubeServe", 2] = [Run(500, 1.0, 1.0, 1.0)]
    assert outcome(found, BINARY) == Outcome(BINARY, 0.5, met=True, detail="500/s beside 1,000")


def test_binary_goal_that_is_not_served_has_the_reason() -> None:
    found = outcome(Measured(binary_absent="not served: answered 404"), BINARY)
    assert found == Outcome(BINARY, None, met=False, detail="not served: answered 404")


def test_start_goals_by_code_compare_with_a_bare_python() -> None:
    found = Measured()
    found.bare[FOREST], found.by_code[FOREST] = [Started(1.0, Memory(100, 80))], [Started(1.25, Memory(125, 90))]
    start, memory = outcomes(found)[-2:]
    assert (start.ratio, start.met, start.detail) == (1.25, False, "1.25 s beside 1.00")
    assert (memory.ratio, memory.met, memory.detail) == (1.25, True, "125 MB RSS beside 100")


def test_start_goals_by_data_compare_with_the_start_by_code_and_an_empty_server() -> None:
    found = Measured(empty=[Started(0.4, Memory(45, 40))])
    found.bare[FOREST], found.by_code[FOREST] = [Started(3.0, Memory(160, 120))], [Started(4.0, Memory(180, 160))]
    found.alone[FOREST] = [Started(0.5, Memory(60, 40))]
    by_data = [each for each in outcomes(found) if each.goal.startswith(f"{FOREST}: ")]
    assert [(each.ratio, each.met) for each in by_data] == [
        (0.5 / 0.6, True),
        (0.8, True),
        (1.25, True),
        (0.125, True),
        (0.25, True),
    ]


def test_missed_is_false_for_an_unmeasured_case() -> None:
    assert missed(CASE, measured(KubeServe=1, Sanic_echo=1000))
    assert not missed(CASE, measured(KubeServe=1))
    assert not missed(Case(LOGISTIC, 1, 64), measured(KubeServe=1, Sanic_echo=1000))


def test_goals_name_only_servers_that_run() -> None:
    from tests.bench.serving.goals import GOALS

    assert {name for goal in GOALS for name in goal.beside} <= {server.name for server in ALL}
    assert Goal(CASE, ["Sanic echo"], 0.85) in GOALS


def test_described_names_model_rows_and_connections() -> None:
    assert described(Case("m", 100, 1)) == "m, 100 rows, 1 connection"
