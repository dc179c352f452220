"""Long JSON texts, parsed in slices of their one long list. Pure.

A parser holds the interpreter until it is done: no other thread runs, and no health check is answered. So the items of
the long list are parsed a slice at a time. What is made is the same: a text in brackets that is JSON is a list of
values, however it was cut. Where a slice is no JSON the whole text is parsed, which says what is wrong.
Rows of numbers are parsed by `sliced_rows`, straight into a matrix.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

MIN_SLICED = 256 * 1024
"""Bytes. A shorter text is parsed as a whole, in a few milliseconds."""

SLICE = 128 * 1024
"""Bytes, up to the end of an item. They take 2 ms, and their values are still in the processor's caches when copied."""

MAX_AROUND = 64 * 1024
"""Bytes before the long list, and after it."""

WINDOW = 256 * 1024
"""Bytes after a slice in which an item must end; otherwise the items are too long to cut between them."""

MOST_TRIED = 3
"""Keys that the long list may stand under, and brackets that may close it."""

MARK = f"the list {secrets.token_hex(16)}"
"""Stands for the list in the document without it. Random, so that no client's string equals it, escaped or not."""

LIST_BEGINS = re.compile(rb'"(?:data|instances|inputs|dataframe_records)"[ \t\r\n]*+:[ \t\r\n]*+\[[ \t\r\n]*+')
BETWEEN = {
    ord("["): re.compile(rb"\][ \t\r\n]*+,[ \t\r\n]*+(?=\[)"),
    ord("{"): re.compile(rb"\}[ \t\r\n]*+,[ \t\r\n]*+(?=\{)"),
    ord('"'): re.compile(rb'"[ \t\r\n]*+,[ \t\r\n]*+(?=")'),
}
"""Where a list may be cut, by the first byte of its items: lists, objects, strings. The first byte found belongs to the
item before. A pattern that begins with a certain byte is searched for ten times as fast as one that looks behind."""
BETWEEN_NUMBERS = re.compile(rb"[\w.],")

Parse = Callable[[bytes], Any]


def parse_in_slices(text: bytes, parse: Parse) -> Any:
    """Return `parse(text)`. Of a long text with one long list, `parse` gets one part after another."""
    if len(text) >= MIN_SLICED:
        try:
            for start, end in _spans(text):
                around = _around(text, start, end, parse)
                if around is not None:
                    return _with_items(around, _items(text, start, end, parse))
        except (ValueError, RecursionError):
            pass  # `parse` says what is wrong with the whole text, if anything is
    return parse(text)


def _spans(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the inside of a list may begin and end that can be cut, the outermost first."""
    ends, end = list[int](), len(text)
    while len(ends) < MOST_TRIED and (end := text.rfind(b"]", max(0, len(text) - MAX_AROUND), end)) >= 0:
        ends.append(end)
    for found in islice(LIST_BEGINS.finditer(text, 0, MAX_AROUND), MOST_TRIED):
        start = found.end()
        if next(_cuts(text, start, len(text)), None):
            yield from ((start, end) for end in ends if start < end)


def _around(text: bytes, start: int, end: int, parse: Parse) -> Any:
    """Return the document with the mark in place of a list; None if no list can begin and end there."""
    with contextlib.suppress(ValueError):
        return parse_around(text[: text.rindex(b"[", 0, start)], text[end + 1 :], parse)
    return None


def parse_around(before: bytes, after: bytes, parse: Parse) -> Any:
    """Return the document with the mark in place of what stands between these bytes. Raise as `parse` does.

    If that is within a string, the quotes of the mark end the string, and the rest is no JSON.
    """
    return parse(b'%b"%b"%b' % (before, MARK.encode(), after))


def _items(text: bytes, start: int, end: int, parse: Parse) -> list[Any]:
    items: list[Any] = []
    while start >= 0:
        part, start = _part(text, start, [*_cuts(text, start, end), (end, -1)], parse)
        items += part
    return items


def _part(text: bytes, start: int, cuts: list[tuple[int, int]], parse: Parse) -> tuple[list[Any], int]:
    """Return the values up to the first cut that is not within a string, and where the next begin; -1: no more."""
    for stop, following in cuts[:MOST_TRIED]:
        with contextlib.suppress(ValueError):
            part = parse(b"[%b]" % text[start:stop])
            if part:  # otherwise nothing stands between two commas
                return part, following
    raise ValueError("this list has to be parsed as a whole")


def _cuts(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where a slice that begins here may end, and where the next one then begins."""
    between, least = BETWEEN.get(text[start], BETWEEN_NUMBERS), start + SLICE
    for found in islice(between.finditer(text, least, min(end, least + WINDOW)), MOST_TRIED):
        yield found.start() + 1, found.end()


def _with_items(value: Any, items: list[Any]) -> Any:
    """Return the value with the items in place of the mark."""
    if isinstance(value, dict):
        return {name: _with_items(inner, items) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_items(inner, items) for inner in value]
    return items if value == MARK else value
