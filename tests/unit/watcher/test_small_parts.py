from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dev.docs import README, filled
from watcher.control.source_health import SourceHealth
from watcher.control.status_board import StatusBoard
from watcher.control.workqueue import WorkQueue
from watcher.core.types import ModelId, Refusal, State
from watcher.errors import Rejected
from watcher.runtimes.kubernetes.rollout import container_failure, is_complete, rollout_failure
from watcher.sources.events import Webhook, keys_of
from watcher.status_table import snapshot, table
from watcher.stores.folder import FolderBucket


def notification(key: str, bucket: str = "models") -> dict[str, object]:
    return {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}


def test_keys_are_unescaped_once_and_other_buckets_passed_over() -> None:
    assert keys_of(notification("a+1%2Fm%252F"), "models", escaped=True) == ["a 1/m%2F"]
    assert keys_of(notification("a+1/m"), "models", escaped=False) == ["a+1/m"]
    assert keys_of(notification("a", bucket="other"), "models", escaped=True) == []


@pytest.mark.parametrize("document", [None, [], {"Records": None}, {"Records": [{}]}, {"Records": [{"s3": 1}]}])
def test_a_malformed_notification_gives_no_hint(document: object) -> None:
    assert keys_of(document, "models", escaped=True) == []


def test_a_webhook_without_a_token_or_with_a_wrong_one_is_refused() -> None:
    for token, given in (("", "Bearer "), ("right", "Bearer wrong"), ("right", "")):
        with pytest.raises(Rejected, match="bearer token"):
            Webhook(token, "models", lambda _: None, SourceHealth()).receive(given, b"{}")


def test_a_queue_hands_a_key_to_one_worker_at_a_time() -> None:
    clock = [0.0]
    queue: WorkQueue[str] = WorkQueue(lambda: clock[0])
    queue.add("a")
    queue.add("a")
    assert queue.get() == "a"
    queue.add("a")
    queue.add("b")
    assert queue.get() == "b"
    queue.done("a")
    assert queue.get() == "a"


def test_a_survey_does_not_shorten_a_retry_and_a_hint_does() -> None:
    clock = [0.0]
    queue: WorkQueue[str] = WorkQueue(lambda: clock[0])
    queue.add("a", 60)
    queue.add("a", keep_later=True)
    queue.add("b", 1)
    clock[0] = 1
    assert queue.get() == "b"
    queue.add("a")
    assert queue.get() == "a"
    queue.close()
    assert queue.get() is None


def test_status_keeps_since_until_something_changes_and_shows_the_same_twice() -> None:
    times = iter(datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 9))
    board, sources = StatusBoard(lambda: next(times)), SourceHealth(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    assert board.set(ModelId("t", "m"), State.READY, version="v1")
    assert not board.set(ModelId("t", "m"), State.READY, version="v1")
    board.refuse([Refusal("k", "why")])
    sources.report("poll", live=True)
    status = snapshot(board, sources)
    assert status["models"][0]["since"] == "2026-01-01T00:00:00+00:00"
    shown = table(status)
    assert all(word in shown for word in ("m", "v1", "Ready", "k", "why", "poll"))


def test_refusals_are_news_once() -> None:
    board = StatusBoard()
    assert board.refuse([Refusal("k", "why")]) == {Refusal("k", "why")}
    assert board.refuse([Refusal("k", "why")]) == frozenset()


def test_a_folder_lists_settled_files_with_their_md5_and_keeps_what_is_being_written(tmp_path: Path) -> None:
    clock = [1000.0]
    bucket = FolderBucket(tmp_path, lambda: clock[0])
    file = tmp_path / "t" / "model.joblib"
    file.parent.mkdir()
    file.write_bytes(b"one")
    os.utime(file, (1000, 1000))
    assert bucket.list() == []
    clock[0] = 1001
    assert [(item.key, item.etag) for item in bucket.list()] == [("t/model.joblib", "f97c5d29941bfb1b2fdab0874906ab82")]
    file.write_bytes(b"tw")
    os.utime(file, (1001, 1001))
    assert [item.etag for item in bucket.list()] == ["f97c5d29941bfb1b2fdab0874906ab82"]
    clock[0] = 1002
    assert [item.size for item in bucket.list("t/")] == [2]


def test_a_rollout_is_complete_when_only_new_pods_run_and_all_are_available() -> None:
    deployment = {
        "metadata": {"generation": 2},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }
    assert is_complete(deployment)
    assert not is_complete({**deployment, "metadata": {"generation": 3}})
    assert not is_complete({**deployment, "status": {**deployment["status"], "replicas": 2}})


def test_a_failing_container_is_told_by_its_last_words() -> None:
    status = {
        "name": "inference-server",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": 1, "message": "there is no such object\n"}},
    }
    assert container_failure(status) == "there is no such object"
    assert container_failure({"state": {"waiting": {"reason": "ContainerCreating"}}}) == ""
    assert container_failure({"state": {"waiting": {"reason": "ErrImagePull", "message": "no x"}}}) == "no x"
    assert container_failure({"state": {"running": {}}, "ready": False}) == ""


def test_a_stalled_rollout_says_so() -> None:
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too long"}
    assert rollout_failure({"status": {"conditions": [condition]}}) == "ProgressDeadlineExceeded: too long"


def test_the_readme_s_tables_are_current() -> None:
    assert README.read_text() == filled(README.read_text())
