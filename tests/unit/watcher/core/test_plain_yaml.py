from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from watcher.core.plain_yaml import load, load_map
from watcher.errors import Rejected


def refusal(text: bytes) -> str:
    with pytest.raises(Rejected) as caught:
        load(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: {c: 2,\n  c: 3}", "line 3: b.c: the key is already in line 2: remove one of them"),
        ("a: 1\n'a': 2", "line 2: a: the key is already in line 1: remove one of them"),
        ("a: &x 1\nb: *x", "line 2: aliases (*name) are not allowed: write the value again"),
        ("*x : 1", "line 1: aliases (*name) are not allowed: write the value again"),
        ("<<: {a: 1}", "line 1: merge keys (<<) are not allowed: write the values themselves"),
        ("a: !!python/name:os.system x", "line 1: tags are not allowed, and 'tag:yaml.org,2002:python/name:os.system'"),
        ("a: !!str 5", "line 1: tags are not allowed, and 'tag:yaml.org,2002:str' is one"),
        ("!!binary a: 1", "line 1: tags are not allowed, and 'tag:yaml.org,2002:binary' is one"),
        ("a: ! b", "line 1: tags are not allowed, and '!' is one"),
        ("1: a", "line 1: the key '1' reads as a number: quote it"),
        ("b:\n  yes: a", "line 2: b: the key 'yes' reads as true or false: quote it"),
        ("null: a", "line 1: the key 'null' reads as null: quote it"),
        ("2026-01-01: a", "line 1: the key '2026-01-01' reads as a date: quote it"),
        ("=: a", "line 1: the key '=' reads as no text: quote it"),
        ("[a]: b", "line 1: a key must be text, not a map or a list"),
        ("? {a: 1}\n: b", "line 1: a key must be text, not a map or a list"),
        ("a: 0777", "line 1: a: '0777' is not a decimal number of at most 18 digits: write it as one, or quote it"),
        ("a: 1:30", "line 1: a: '1:30' is not a decimal number"),
        ("a: 0x1F", "line 1: a: '0x1F' is not a decimal number"),
        ("a: 0b11", "line 1: a: '0b11' is not a decimal number"),
        ("a: 1_000", "line 1: a: '1_000' is not a decimal number"),
        ("a: [0, 1_0]", "line 1: a[1]: '1_0' is not a decimal number"),
        ("a: " + "9" * 4000, f"line 1: a: '{'9' * 57}…' is not a decimal number"),
        ("a: 1:30.5", "line 1: a: '1:30.5' is not a finite decimal number: write one such as 0.5, or quote it"),
        ("a: .inf", "line 1: a: '.inf' is not a finite decimal number"),
        ("a: -.INF", "line 1: a: '-.INF' is not a finite decimal number"),
        ("a: .nan", "line 1: a: '.nan' is not a finite decimal number"),
        ("a: 1.0e+400", "line 1: a: '1.0e+400' is not a finite decimal number"),
        ("a: 1e400", "line 1: a: '1e400' is not a finite decimal number"),
        ("a: 08", "line 1: a: '08' is text to some readers of YAML and a number to others: quote it"),
        ("a: 0o17", "line 1: a: '0o17' is text to some readers"),
        ("a: -0o17", "line 1: a: '-0o17' is text to some readers"),
        ("a: 0X1F", "line 1: a: '0X1F' is text to some readers"),
        ("a: -.5", "line 1: a: '-.5' is text to some readers"),
        ("a: .5e3", "line 1: a: '.5e3' is text to some readers"),
        ("a: 2026-01-31", 'line 1: a: 2026-01-31 reads as a date: quote it: "2026-01-31"'),
        ("a: 2026-99-99", "line 1: a: 2026-99-99 reads as a date"),
        ("a: =", "line 1: a: '=' is not text, a number, true, false or null: quote it"),
        ("a: 1\n---\nb: 2", "line 2: not YAML: expected a single document"),
        ("a:\n\t- b", "line 2: not YAML: while scanning for the next token"),
        ("a: 'b", "line 1: not YAML: "),
        ("a: " + "[" * 5000, "line 1: nested more than 32 levels deep"),
        ("- " * 5000, "line 1: nested more than 32 levels deep"),
        ("? " * 5000, "line 1: nested more than 32 levels deep"),
        ("a: b\nc: \x00", "line 2: the character U+0000 is not allowed"),
        ("a: \x1b[31m", "line 1: the character U+001B is not allowed"),
        ('a: "\\0"', "line 1: a: the character U+0000 is not allowed"),
        ('"\\x9b": 1', "line 1: the character U+009B is not allowed"),
        ('a: "\\ud800"', "line 1: a: the character U+D800 is not allowed"),
    ],
)
def test_load_of_what_readers_understand_differently_names_the_line_and_the_path(text: str, problem: str) -> None:
    assert refusal(text.encode()).startswith(problem)


def test_load_of_other_bytes_than_utf8_names_the_line() -> None:
    assert refusal(b"a: 1\nb: \xff") == "line 2: not UTF-8 text: save the file as UTF-8"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("\ufeffa: 1", {"a": 1}),
        ("a: [-1, +2, 0, 2.5, .5, 1.5e+3, -0.25]", {"a": [-1, 2, 0, 2.5, 0.5, 1500.0, -0.25]}),
        ("a: 999999999999999999", {"a": 999999999999999999}),
        ("a: [1e3, 1E+3, -1e-05, 2.5e1]", {"a": [1000.0, 1000.0, -1e-05, 25.0]}),
        ("a: [true, False, yes, off]", {"a": [True, False, True, False]}),
        ("a: [null, ~, ]\nb:", {"a": [None, None], "b": None}),
        (
            "a: ['1e3', \"0777\", '2026-01-31', 'yes', '=', '<<']",
            {"a": ["1e3", "0777", "2026-01-31", "yes", "=", "<<"]},
        ),
        ("a: v1.10\nb: 1.10.2\nc: 512Mi", {"a": "v1.10", "b": "1.10.2", "c": "512Mi"}),
        ("a: &unused 1\nb: |\n  two\n  lines\n", {"a": 1, "b": "two\nlines\n"}),
        ("'<<': 1\n'1': 2", {"<<": 1, "1": 2}),
    ],
)
def test_load_of_plain_values_returns_them(text: str, value: Any) -> None:
    found = load(text.encode())
    assert found == value
    assert json.dumps(found) == json.dumps(value)  # 1, 1.0 and true are equal in Python


@pytest.mark.parametrize(("text", "value"), [(b"", {}), (b"---\n", {}), (b"a: 1", {"a": 1})])
def test_load_map_of_a_map_or_nothing_returns_a_map(text: bytes, value: Any) -> None:
    assert load_map(text) == value


@pytest.mark.parametrize("text", [b"[]", b"0", b"false", b"''", b"- a", b"text"])
def test_load_map_of_anything_else_is_rejected(text: bytes) -> None:
    with pytest.raises(Rejected, match="expected a map, such as"):
        load_map(text)


PLAIN = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(10**18) + 1, 10**18 - 1)
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(some.characters(exclude_categories=["Cc", "Cs"])),
    lambda inner: (
        some.lists(inner, max_size=4) | some.dictionaries(some.text("ab.<0=~", max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_load_of_any_json_values_returns_them_unchanged(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert json.dumps(load(text.encode()), ensure_ascii=False) == text


class WithExponents(yaml.SafeLoader):
    """PyYAML, except that 1e3 is a number, as in JSON."""


WithExponents.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


SLIPS = some.sampled_from(
    [*"ab[]{}10.e+-:_xo?|>#%!~='\"\\\n\r\x00\x85\u2028", ": ", ", ", "- ", "  ", "&a", "*a", "!!int", "<<", "yes"]
)


@given(some.lists(SLIPS, max_size=24).map("".join).map(str.encode) | some.binary(max_size=64))
def test_load_of_any_bytes_returns_what_pyyaml_reads_or_one_short_line(text: bytes) -> None:
    try:
        value = load(text)
    except Rejected as error:
        line = str(error)
        assert line.startswith(("line ", "expected "))
        assert line.isprintable()
        assert len(line) < 600
        return
    assert json.dumps(value, allow_nan=False) == json.dumps(yaml.load(text.decode("utf-8-sig"), WithExponents))


HOSTILE = [b"[", b"- ", b"a: ", b"? ", b"{a: ", b"&a ", b"'", b"\n", b"%YAML 1.1\n", b"a\n", b'"\\', b"!a "]


@pytest.mark.parametrize(
    "text",
    [*(part * (65536 // len(part)) for part in HOSTILE), b"".join(b"k%d: 1\n" % number for number in range(6000))],
    ids=lambda text: repr(text[:8]),
)
def test_load_of_a_hostile_file_of_64_kb_ends_within_seconds(text: bytes) -> None:
    begun = time.process_time()
    with suppress(Rejected):
        load(text)
    assert time.process_time() - begun < 5
