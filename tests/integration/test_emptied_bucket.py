"""A store that lists nothing for a moment, against the real MinIO and API server: the only model stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .driving import Watcher, eventually
from .kubernetes_setup import ALL_FOUR, Setup, names
from .proxies import Answer, altering
from .test_sources import source

EMPTY = b"<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>"


@contextmanager
def only_model(setup: Setup, lists_nothing: list[bool]) -> Iterator[Watcher]:
    """Start a watcher behind a store that lists nothing while `lists_nothing` is not empty."""

    def alter(path: str, answer: Answer) -> Answer:
        if "list-type=2" in path and lists_nothing:
            return 200, {"Content-Type": "application/xml"}, EMPTY
        return answer

    setup.put("iris/v1/model.joblib")
    with (
        altering(setup.minio.endpoint, alter) as store,
        setup.watcher("--s3-endpoint", store, "--no-listen-stream", "--no-write-status") as watcher,
    ):
        eventually(lambda: names(setup.cluster) == ALL_FOUR)
        yield watcher


def test_store_that_lists_nothing_for_a_moment_removes_nothing(setup: Setup) -> None:
    lists_nothing: list[bool] = []
    with only_model(setup, lists_nothing) as watcher:
        before = setup.cluster.deployment("iris").metadata.uid
        lists_nothing.append(True)
        eventually(lambda: watcher.state("iris") == "Held")
        assert "suddenly empty" in watcher.model("iris")["reason"]
        assert source(watcher, "poll")["live"]
        lists_nothing.clear()
        eventually(lambda: watcher.state("iris") == "Progressing")
        assert setup.cluster.deployment("iris").metadata.uid == before


def test_last_model_is_removed_once_the_bucket_shows_that_its_listing_works(setup: Setup) -> None:
    with only_model(setup, []) as watcher:
        setup.delete("iris/v1/model.joblib")
        eventually(lambda: watcher.state("iris") == "Held")
        setup.uploads.put(f"_deleted/{setup.cluster.namespace}/iris", b"")  # as `kubeserve delete` leaves it
        eventually(lambda: not names(setup.cluster))
