from __future__ import annotations

from tests.bench.serving.samples import described

RAW = """\
run (sanic/app.py:1);predict (server/http/routes.py:36);check_array (sklearn/utils/validation.py:888) 6
run (sanic/app.py:1);predict (server/http/routes.py:36) 3
run (sanic/app.py:1);http1 (<string>:15) 1
"""


def test_described_shares_time_by_package_and_function() -> None:
    shown = "sklearn 60%, server 30%, sanic 10%"
    assert described(RAW) == f"{shown}; most in: check_array (sklearn) 60%, predict (server) 30%, http1 (sanic) 10%"


def test_described_counts_code_without_a_file_for_its_caller() -> None:
    assert described("handle (sanic/app.py:1);send (connection_task:15) 2\n").startswith("sanic 100%")


def test_described_counts_a_single_module_for_python() -> None:
    assert described("run (threading.py:982) 2\n") == "python 100%; most in: run (python) 100%"


def test_described_ignores_a_thread_without_work() -> None:
    idle = "run (threading.py:982);_worker (concurrent/futures/thread.py:81) 90\n"
    assert described(idle + RAW) == described(RAW)


def test_described_separates_the_event_loop_from_the_framework() -> None:
    loop = "serve (sanic/worker/serve.py:1);_run_server_forever (sanic/server/runners.py:210) 2\n"
    assert described(loop) == "uvloop 100%; most in: sockets (uvloop) 100%"


def test_described_without_samples_says_so() -> None:
    assert described("") == "no samples"
