from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.text import clean, json_text, one_line, size


@pytest.mark.parametrize(
    "text",
    [
        "a\nb",
        "a\r\n\tb ",
        "a\x00\x1b\x07b",
        "a\x7fb",
        "a\x85\x9bb",  # C1: next line, and a terminal's control sequence introducer
        "a\u2028\u2029b",
        "a\u202e\u2066\u200f\u061cb",  # bidirectional controls
        "a\ufeff\u200bb",
        "a\ud800b",  # a lone surrogate cannot be encoded
    ],
)
def test_one_line_control_characters_become_one_space(text: str) -> None:
    assert one_line(text) == "a b"


def test_one_line_ordinary_text_is_unchanged() -> None:
    text = "größer als 1 ≠ 2: 模型 🙂 'quoted' \\x1b"
    assert one_line(text) == text


@pytest.mark.parametrize(("text", "shown"), [("abcdefgh", "abcdefgh"), ("abcdefghi", "abcde…"), ("éééééé", "éé…")])
def test_one_line_text_above_the_limit_is_shortened_in_bytes(text: str, shown: str) -> None:
    assert one_line(text, limit=8) == shown


def test_one_line_huge_text_costs_no_more_than_its_limit() -> None:
    text = "\x1b" * 50_000_000
    begun = time.monotonic()
    assert one_line(text) == "…"
    assert time.monotonic() - begun < 0.5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://user:pa@ss@minio:9000/b down", "at http://…@minio:9000/b down"),
        ("https://token@host, https://host/a@b", "https://…@host, https://host/a@b"),
        ("http://user:se#c/r?et@host:9 is wrong", "http://…@host:9 is wrong"),
        (f"https://aws:{'t' * 1500}@host/simple", "https://…@host/simple"),
        ('{"url":"http://host:80","mail":"me@x"}', '{"url":"http://host:80","mail":"me@x"}'),
        ("docker-pullable://nginx@sha256:abc", "docker-pullable://nginx@sha256:abc"),
        (
            "/b/k?X-Amz-Credential=k%2F1&X-Amz-Date=1&X-Amz-Signature=ab12",
            "/b/k?X-Amz-Credential=…&X-Amz-Date=1&X-Amz-Signature=…",
        ),
        ("X-Amz-Security-Token=t/+= left", "X-Amz-Security-Token=… left"),
    ],
)
def test_the_secret_in_an_address_is_masked(text: str, shown: str) -> None:
    assert (clean(text), one_line(text)) == (shown, shown)


@given(st.text(st.characters(codec=None)), st.integers(4, 50))
def test_one_line_any_text_is_printable_and_within_the_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert line.isprintable()
    assert len(line.encode()) <= limit


@pytest.mark.parametrize("text", ["a\x1b[31m", "a\x9b31m", "a\x7f", "a\u202e", "a\ud800", "a\u2028"])
@pytest.mark.parametrize("indent", [None, 2])
def test_json_text_is_printable_and_the_same_value(text: str, indent: int | None) -> None:
    shown = json_text({"reason": text, "more": [1]}, indent=indent)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert json.loads(shown) == {"reason": text, "more": [1]}


def test_json_text_of_letters_is_readable() -> None:
    assert json_text({"Größe": "大"}) == '{"Größe": "大"}'


@pytest.mark.parametrize(
    ("count", "expected"), [(None, ""), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 1024**5, "5120.0 TiB")]
)
def test_size_is_for_people(count: int | None, expected: str) -> None:
    assert size(count) == expected
