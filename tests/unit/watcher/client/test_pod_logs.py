from __future__ import annotations

from typing import Any

import pytest

from watcher.client.pod_logs import chosen_container, is_running, split_stamp, waiting_for, whole_second

RUNNING: dict[str, Any] = {"state": {"running": {}}}
ENDED: dict[str, Any] = {"state": {"terminated": {"exitCode": 0}}}
WAITING: dict[str, Any] = {"state": {"waiting": {"reason": "PodInitializing"}}}
CRASHED: dict[str, Any] = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 1}},
}


def pod(download: dict[str, Any], server: dict[str, Any], **status: Any) -> dict[str, Any]:
    containers = {
        "initContainerStatuses": [{"name": "download-model", **download}],
        "containerStatuses": [{"name": "inference-server", **server}],
    }
    return {"metadata": {"name": "p"}, "status": {**containers, **status}}


@pytest.mark.parametrize(
    ("download", "server", "expected"),
    [
        (ENDED, RUNNING, "inference-server"),
        (ENDED, CRASHED, "inference-server"),
        (CRASHED, WAITING, "download-model"),
        (RUNNING, WAITING, "download-model"),
        (WAITING, WAITING, None),
    ],
)
def test_the_log_is_that_of_the_server_or_of_the_download_where_it_has_not_started(
    download: dict[str, Any], server: dict[str, Any], expected: str | None
) -> None:
    assert chosen_container(pod(download, server), init=False) == expected


def test_init_asks_for_the_download() -> None:
    assert chosen_container(pod(ENDED, RUNNING), init=True) == "download-model"
    assert chosen_container({"metadata": {}}, init=True) is None


def test_a_pod_without_a_log_says_why() -> None:
    no_image = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    assert waiting_for(pod(no_image, WAITING)) == "no log yet: download-model: no such image"
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    assert waiting_for({"status": {"conditions": [unscheduled]}}) == "no log yet: 0/1 nodes are available"
    assert waiting_for({"status": {"phase": "Pending"}}) == "no log yet: the pod is Pending"
    assert waiting_for({}) == "no log yet: the pod is Pending"


def test_split_stamp_takes_the_kubelets_time_off_a_line() -> None:
    stamp = "2026-01-01T00:00:01.123456789+01:00"
    assert split_stamp(f"{stamp}   indented") == (stamp, "  indented")
    assert split_stamp("2026-01-01 of the model") == ("", "2026-01-01 of the model")
    assert whole_second(stamp) == "2026-01-01T00:00:01+01:00"


def test_is_running_of_a_container_that_ended_is_false() -> None:
    assert is_running(pod(ENDED, RUNNING), "inference-server")
    assert not is_running(pod(ENDED, RUNNING), "download-model")
    assert not is_running({}, "inference-server")
