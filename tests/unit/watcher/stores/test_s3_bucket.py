from __future__ import annotations

import itertools
import time

import pytest

from watcher.errors import Rejected, Retryable
from watcher.stores import s3_bucket
from watcher.stores.s3_bucket import ascending, strong_etag

from .fake_store import Handler, bucket_of, error, listing


@pytest.mark.parametrize("etag", ['"abc-2"', 'W/"abc-2"', "abc-2"])
def test_list_a_weak_or_unquoted_etag_is_the_same_etag(etag: str) -> None:
    with bucket_of(lambda request: request.send(200, listing(["a"], etag=etag))) as bucket:
        assert [item.etag for item in bucket.list()] == ["abc-2"]
    assert strong_etag(etag) == "abc-2"


def test_list_of_two_pages_is_complete() -> None:
    def answer(request: Handler) -> None:
        second = "continuation-token=t1" in request.path
        request.send(200, listing(["b"]) if second else listing(["a"], token="t1"))

    with bucket_of(answer) as bucket:
        assert [item.key for item in bucket.list()] == ["a", "b"]


def test_list_a_continuation_token_twice_is_an_error() -> None:
    keys = (f"k{number:04}" for number in itertools.count())
    with (
        bucket_of(lambda request: request.send(200, listing([next(keys)], token="t"))) as bucket,
        pytest.raises(Retryable, match="continuation token twice") as caught,
    ):
        bucket.list()
    assert caught.value.reason == "StoreUnusable"


def test_list_empty_pages_without_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_bucket, "MAX_PAGES", 20)
    tokens = itertools.count()
    with (
        bucket_of(lambda request: request.send(200, listing([], token=f"t{next(tokens)}"))) as bucket,
        pytest.raises(Retryable, match="20 pages"),
    ):
        bucket.list()


def test_list_more_objects_than_the_limit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_bucket, "MAX_OBJECTS", 10)
    numbers = itertools.count()

    def answer(request: Handler) -> None:
        keys = [f"k{next(numbers):06}" for _ in range(4)]
        request.send(200, listing(keys, token=keys[-1]))

    with bucket_of(answer) as bucket, pytest.raises(Retryable, match="more than 10 objects"):
        bucket.list()


def test_list_a_page_again_with_a_new_token_is_an_error() -> None:
    tokens = itertools.count()
    with (
        bucket_of(lambda request: request.send(200, listing(["a", "b"], token=f"t{next(tokens)}"))) as bucket,
        pytest.raises(Retryable, match="'a' after 'b': a listing must ascend"),
    ):
        bucket.list()


def test_list_truncated_without_a_token_is_an_error() -> None:
    page = b"<ListBucketResult><Name>models</Name><IsTruncated>true</IsTruncated></ListBucketResult>"
    with (
        bucket_of(lambda request: request.send(200, page)) as bucket,
        pytest.raises(Retryable, match="does not say where"),
    ):
        bucket.list()


@pytest.mark.parametrize(("last", "key"), [("", "a"), ("a-b/x", "a/x"), ("a/x", "a-b/x"), ("v10", "v9"), ("é", "日")])
def test_ascending_accepts_the_order_of_bytes_and_that_of_folders(last: str, key: str) -> None:
    assert ascending(last, key) == key


@pytest.mark.parametrize(("last", "key"), [("a", "a"), ("b", "a"), ("ns/m9/v1", "ns/m10/v1")])
def test_ascending_rejects_a_repeated_or_an_earlier_key(last: str, key: str) -> None:
    with pytest.raises(Retryable, match="must ascend"):
        ascending(last, key)


@pytest.mark.parametrize("status", [429, 503])
def test_list_retry_after_is_not_obeyed_and_the_reason_is_shown(status: int) -> None:
    answers = error("SlowDown", "reduce your request rate")
    with bucket_of(lambda request: request.send(status, answers, Retry_After="600")) as bucket:
        started = time.monotonic()
        with pytest.raises(Retryable, match="reduce your request rate") as caught:
            bucket.list()
    assert caught.value.reason == "SlowDown"
    assert time.monotonic() - started < 30


def test_list_a_short_failure_is_repeated_at_once() -> None:
    calls = itertools.count()

    def answer(request: Handler) -> None:
        request.send(503, error("SlowDown")) if next(calls) == 0 else request.send(200, listing(["a"]))

    with bucket_of(answer) as bucket:
        assert [item.key for item in bucket.list()] == ["a"]


def test_read_returns_one_byte_more_than_the_limit_and_reuses_nothing_broken() -> None:
    with bucket_of(lambda request: request.send(200, b"0123456789", Content_Type="text/plain")) as bucket:
        assert [bucket.read("a", 4), bucket.read("a", 20)] == [b"01234", b"0123456789"]


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        ("RequestTimeTooSkewed", 403, "the clocks of this machine and of the store differ"),
        ("SignatureDoesNotMatch", 403, "check AWS_SECRET_ACCESS_KEY"),
        ("ExpiredToken", 400, "the session token has expired"),
        ("NoSuchBucket", 404, "check --bucket"),
    ],
)
def test_list_an_error_that_waiting_does_not_mend_says_what_to_do(code: str, status: int, sentence: str) -> None:
    with (
        bucket_of(lambda request: request.send(status, error(code))) as bucket,
        pytest.raises(Rejected, match=sentence) as caught,
    ):
        bucket.list()
    assert caught.value.reason == code


def test_list_a_redirect_names_where_to() -> None:
    with (
        bucket_of(lambda request: request.send(302, Location="https://login.example/x")) as bucket,
        pytest.raises(Rejected, match=r"redirects to https://login\.example/x"),
    ):
        bucket.list()


def test_list_a_web_page_is_not_a_store() -> None:
    for status, page in ((200, b"<html><br>hello</html>"), (200, b"\xff\xfe"), (200, b""), (404, b"<html><br></html>")):
        with (
            bucket_of(lambda request, s=status, p=page: request.send(s, p, Content_Type="text/html")) as bucket,  # type: ignore[misc]
            pytest.raises(Retryable, match=r"is not an S3 store|HTTP 404 that is not S3's"),
        ):
            bucket.list()


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"])
def test_replace_of_what_someone_else_has_written_is_an_error(code: str) -> None:
    with bucket_of(lambda request: request.send(412, error(code))) as bucket, pytest.raises(Retryable) as caught:
        bucket.replace("t/m/values.yaml", b"{}", "abc")
    assert caught.value.reason == "Changed"
    assert str(caught.value) == "t/m/values.yaml was changed by someone else at the same time: run the command again"


def test_replace_in_a_store_without_conditions_writes() -> None:
    conditions: list[str | None] = []

    def answer(request: Handler) -> None:
        conditions.append(request.headers["If-Match"])
        if conditions[-1]:
            request.send(501, error("NotImplemented"))
        else:
            request.send(200, ETag='"e"')

    with bucket_of(answer) as bucket:
        bucket.replace("t/m/values.yaml", b"{}", "abc")
    assert conditions == ['"abc"', None]
