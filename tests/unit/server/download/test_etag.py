from __future__ import annotations

import pytest

from server.download import etag
from server.errors import ModelError


@pytest.mark.parametrize(
    ("found", "expected"),
    [('"a"', "a"), ('W/"a"', "a"), ('"a"', 'W/"a"'), ('W/"a"', '"a"'), ("a", "a"), ('"a"', ""), ('"a-2"', "a-2")],
)
def test_check_the_same_opaque_tag_is_accepted_weak_or_strong(found: str, expected: str) -> None:
    etag.check("s3://b/k", found, expected)


def test_check_another_tag_is_refused() -> None:
    with pytest.raises(ModelError, match=r"s3://b/k: the object has changed \(ETag b, expected a\)"):
        etag.check("s3://b/k", 'W/"b"', "a")


@pytest.mark.parametrize("found", ["", '""', "W/", 'W/""'])
def test_check_an_answer_without_a_tag_is_refused(found: str) -> None:
    with pytest.raises(ModelError, match="the answer has no ETag"):
        etag.check("s3://b/k", found, "")
