from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.errors import Rejected
from watcher.sources.notification import keys_of, parse


def notification(key: str, bucket: str = "models") -> dict[str, Any]:
    return {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}


def test_keys_of_an_escaped_document_unescapes_once() -> None:
    assert keys_of(notification("a+1%2Fm%252F"), "models", escaped=True) == [("a 1/m%2F", False)]
    assert keys_of(notification("a+1/m"), "models", escaped=False) == [("a+1/m", False)]


@pytest.mark.parametrize("name", ["s3:ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated"])
def test_keys_of_a_removal_are_marked_as_deleted(name: str) -> None:
    document = notification("a")
    document["Records"][0]["eventName"] = name
    assert keys_of(document, "models", escaped=True) == [("a", True)]
    document["Records"][0]["eventName"] = "s3:ObjectCreated:Put"
    assert keys_of(document, "models", escaped=True) == [("a", False)]


def test_keys_of_another_bucket_are_skipped() -> None:
    assert keys_of(notification("a", bucket="other"), "models", escaped=True) == []


@pytest.mark.parametrize("records", [None, [], [{}], [{"s3": 1}], [5], [{"s3": {"bucket": {"name": "models"}}}]])
def test_keys_of_malformed_records_are_skipped(records: object) -> None:
    assert keys_of({"Records": records}, "models", escaped=True) == []


@pytest.mark.parametrize("body", [b"", b"{}", b'{"Records": null}', b'{"Event": "s3:TestEvent"}'])
def test_parse_a_probe_or_a_keep_alive_returns_a_document_without_keys(body: bytes) -> None:
    assert keys_of(parse(body), "models", escaped=True) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<xml/>", "not JSON"),
        (b"\xff\xfe\xff", "not JSON"),
        (b'{"Records": NaN}', "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"Records": ' + b"[" * 100_000, "nested too deeply"),
        (b"[]", "expected a JSON object"),
        (b"null", "expected a JSON object"),
        (b'{"Records": 5}', "'Records' must be a list"),
        (b'{"Records": "ab"}', "'Records' must be a list"),
    ],
)
def test_parse_what_is_not_a_notification_is_rejected_in_one_line(body: bytes, problem: str) -> None:
    with pytest.raises(Rejected, match=problem) as caught:
        parse(body)
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Records", "s3", "bucket", "object", "key", "name"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_parse_of_any_bytes_returns_or_is_rejected(body: bytes) -> None:
    try:
        found = keys_of(parse(body), "models", escaped=True)
    except Rejected:
        return
    assert all(isinstance(key, str) for key in found)
