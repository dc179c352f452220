from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.errors import Rejected
from watcher.stores.endpoint import Endpoint, bucket_problem, default_owner


@pytest.mark.parametrize(
    ("text", "secure", "expected"),
    [
        ("minio:9000", False, ("minio:9000", False)),
        ("minio:9000", True, ("minio:9000", True)),
        ("https://S3.example/", False, ("s3.example", True)),
        ("http://minio:80", True, ("minio", False)),
        ("https://[::1]:443", False, ("[::1]", True)),
        ("[2001:DB8::1]:9000", False, ("[2001:db8::1]:9000", False)),
        (" 10.0.0.1:9000\n", False, ("10.0.0.1:9000", False)),
    ],
)
def test_of_an_address_or_url(text: str, secure: bool, expected: tuple[str, bool]) -> None:
    found = Endpoint.of(text, secure=secure)
    assert (found.host, found.secure) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names no store"),
        (":9000", "names no store"),
        ("minio:0", "names no store"),
        ("http://", "names no store"),
        ("ftp://minio", "expected host:port, http:// or https://"),
        ("minio:abc", "'abc' is not a port"),
        ("minio:99999", "'99999' is not a port"),
        ("minio:", "'' is not a port"),
        ("::1:9000", "needs brackets"),
        ("fe80::1", "needs brackets"),
        ("[::1:9000", "expected [IPv6]:port"),
        ("[minio]:9000", "expected [IPv6]:port"),
        ("http://minio/s3", "the path '/s3' is not supported"),
        ("http://minio?x=1", "the path '?x=1' is not supported"),
        ("http://me:s3cret@minio", "must not contain a user or password"),
        ("min io:9000", "is not a host"),
    ],
)
def test_of_anything_else_is_rejected_with_what_is_expected(text: str, problem: str) -> None:
    with pytest.raises(Rejected) as caught:
        Endpoint.of(text, secure=False)
    assert problem in str(caught.value)
    assert "s3cret" not in str(caught.value)


@given(st.text(max_size=40))
def test_of_any_text_returns_or_is_rejected(text: str) -> None:
    with suppress(Rejected):
        Endpoint.of(text, secure=False)


def owner_of(text: str, bucket: str = "kubeserve-models") -> str:
    return default_owner(bucket, Endpoint.of(text, secure=False))


def test_default_owner_of_two_stores_differs_and_of_one_store_does_not() -> None:
    assert owner_of("minio:9000") != owner_of("other:9000")
    assert owner_of("minio:9000") == owner_of("http://MINIO:9000/") == owner_of("https://minio:9000")
    assert owner_of("https://s3.amazonaws.com") == owner_of("https://s3.eu-central-1.amazonaws.com")
    assert owner_of("https://s3.amazonaws.com") != owner_of("https://s3.cn-north-1.amazonaws.com.cn")


@pytest.mark.parametrize("bucket", ["kubeserve-models", "a" * 63, "a" * 53 + ".b", "a" * 54 + "-b"])
def test_default_owner_is_a_label_value_that_begins_with_the_bucket(bucket: str) -> None:
    owner = owner_of("minio:9000", bucket)
    assert len(owner) <= 63
    assert owner.startswith(bucket[:50])
    assert owner[-1].isalnum()


@pytest.mark.parametrize("name", ["", "a", "Has Space", "a..b", "1.2.3.4", "a/b"])
def test_bucket_problem_of_an_impossible_name_says_what_is_expected(name: str) -> None:
    assert "expected 3 to 63" in bucket_problem(name)
