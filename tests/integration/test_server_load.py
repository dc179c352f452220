"""A server with a slow model answers health meanwhile, and rejects early what it cannot answer in time."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import pytest

from .serving import Server, running

SLOW = '''
import time

class Slow:
    """Computes for 20 ms a row in pure Python, the worst case: it never releases the GIL by itself."""

    n_features_in_ = 1

    def predict(self, X):
        end = time.perf_counter() + 0.02 * len(X)
        while time.perf_counter() < end:
            pass
        return X[:, 0]
'''
TWO_SECONDS = json.dumps({"data": [[0.5]] * 100}).encode()


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "slow_model.py").write_text(SLOW)
    monkeypatch.syspath_prepend(str(packages))
    import slow_model  # type: ignore[import-not-found]

    joblib.dump(slow_model.Slow(), tmp_path / "model.joblib")
    monkeypatch.delitem(sys.modules, "slow_model")
    return tmp_path / "model.joblib"


@pytest.fixture
def server(model: Path) -> Iterator[Server]:
    with running(model, "--deadline", "1") as started:
        started.wait()
        yield started


def test_health_and_metrics_during_a_prediction_answer_repeatedly(server: Server) -> None:
    with ThreadPoolExecutor(1) as other:
        prediction = other.submit(server.ask, "POST", "/predict", TWO_SECONDS)
        time.sleep(0.1)
        answered = 0
        while not prediction.done():
            assert server.send("GET", ("/health", "/metrics")[answered % 2]).status == 200
            answered += 1
            time.sleep(0.02)
    status, answer = prediction.result()
    assert (status, len(answer["predictions"])) == (200, 100)
    assert answered > 5


def test_predict_that_would_miss_the_deadline_is_rejected_immediately(server: Server) -> None:
    with ThreadPoolExecutor(1) as other:
        prediction = other.submit(server.ask, "POST", "/predict", TWO_SECONDS)
        time.sleep(0.2)
        refused = server.send("POST", "/predict", b'{"data": [[0.5]]}')
        assert not prediction.done()
        assert prediction.result()[0] == 200
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) in range(1, 10)
    assert "the expected wait of" in refused.json()["error"]
    metrics = server.send("GET", "/metrics").data.decode()
    assert 'kubeserve_rejected_total{model_name="model",model_version="",reason="deadline"} 1.0' in metrics
