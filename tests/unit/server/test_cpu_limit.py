"""The CPU limit comes from control groups of both versions, and sets the number of threads before NumPy is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.cpu_limit import VARIABLES, cpu_limit, limit_threads, quotas


def files(root: Path, content: dict[str, str]) -> Path:
    for name, text in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        ({}, []),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, []),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, [1.5]),
        (
            {
                "proc/self/cgroup": "0::/pods/one\n",
                "sys/fs/cgroup/pods/one/cpu.max": "max 100000\n",
                "sys/fs/cgroup/pods/cpu.max": "400000 100000\n",
            },
            [4],
        ),
        ({"proc/self/cgroup": "0::/../../elsewhere\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, [0.5]),
        (
            {
                "proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/docker/x\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            [2],
        ),
        (
            {
                "proc/self/cgroup": "3:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            [],
        ),
    ],
)
def test_quotas_reads_every_group_that_holds_the_process(
    tmp_path: Path, content: dict[str, str], limits: list[float]
) -> None:
    assert list(quotas(files(tmp_path, content))) == limits


def test_cpu_limit_rounds_up_and_without_a_quota_is_all_usable_cpus(tmp_path: Path) -> None:
    assert cpu_limit(tmp_path) == len(os.sched_getaffinity(0))
    content = {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "20000 100000"}
    assert cpu_limit(files(tmp_path, content)) == 1
    content["sys/fs/cgroup/cpu.max"] = "110000 100000"
    assert cpu_limit(files(tmp_path, content)) == min(2, len(os.sched_getaffinity(0)))


def test_cpu_limit_without_affinity_is_the_machine_s_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert cpu_limit(tmp_path) == 3


def test_limit_threads_keeps_what_the_environment_says() -> None:
    environment = {"OMP_NUM_THREADS": "3"}
    limit_threads(2, environment)
    assert environment == {**dict.fromkeys(VARIABLES, "2"), "OMP_NUM_THREADS": "3"}


def test_limit_threads_is_called_before_numpy_is_imported() -> None:
    program = """
import sys
from server import __main__, cpu_limit
cpu_limit.limit_threads = lambda count: sys.exit("numpy" in sys.modules)
sys.argv[1:] = ["--model", "model.joblib", "--host", "127.0.0.1", "--port", "0"]
__main__.main()
sys.exit("limit_threads was not called")
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
