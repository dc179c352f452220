"""Long JSON texts, parsed in slices of their one long list or object. Pure.

A parser holds the interpreter until it is done: no other thread runs, and no health check is answered. So the items of
the long list, or the members of the long object, are parsed a slice at a time. What is made is the same: a text in
brackets that is JSON is a list of values, and one in braces an object, however it was cut. Where a slice is no JSON the
whole text is parsed, which says what is wrong.
Rows of numbers are parsed by `sliced_rows`, straight into a matrix.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

MIN_SLICED = 256 * 1024
"""Bytes. A shorter text is parsed as a whole, in a few milliseconds."""

SLICE = 128 * 1024
"""Bytes, up to the end of an item. They take 2 ms, and their values are still in the processor's caches when copied."""

MAX_AROUND = 64 * 1024
"""Bytes before the long list or object, and after it."""

WINDOW = 256 * 1024
"""Bytes after a slice in which an item must end; otherwise the items are too long to cut between them."""

MOST_TRIED = 3
"""Places where the long list or object may begin, and brackets that may close it."""

MARK = f"the list {secrets.token_hex(16)}"
"""Stands for the list or object in the document without it. Random: no client's string equals it, escaped or not."""

BETWEEN_ITEMS = {
    ord("["): re.compile(rb"\][ \t\r\n]*+,[ \t\r\n]*+(?=\[)"),
    ord("{"): re.compile(rb"\}[ \t\r\n]*+,[ \t\r\n]*+(?=\{)"),
    ord('"'): re.compile(rb'"[ \t\r\n]*+,[ \t\r\n]*+(?=")'),
}
"""Where a list may be cut, by the first byte of its items: lists, objects, strings. The first byte found belongs to the
item before. A pattern that begins with a certain byte is searched for ten times as fast as one that looks behind."""

Parse = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """Lists or objects: their brackets, where one may begin that is worth a cut, and where it may be cut."""

    opening: bytes
    closing: bytes
    begins: re.Pattern[bytes]
    between: Mapping[int, re.Pattern[bytes]]
    between_others: re.Pattern[bytes]


@dataclass(frozen=True, slots=True)
class Span:
    """The inside of a list or an object of a text, and where it may be cut."""

    kind: Kind
    between: re.Pattern[bytes]
    start: int
    end: int


LIST = Kind(
    b"[",
    b"]",
    re.compile(rb'"(?:data|instances|inputs|outputs|dataframe_records)"[ \t\r\n]*+:[ \t\r\n]*+\[[ \t\r\n]*+'),
    BETWEEN_ITEMS,
    re.compile(rb"[\w.],"),
)
OBJECT = Kind(b"{", b"}", re.compile(rb'\{[ \t\r\n]*+(?=")'), {}, re.compile(rb'[\w."\]}][ \t\r\n]*+,[ \t\r\n]*+(?=")'))


def parse_in_slices(text: bytes, parse: Parse) -> Any:
    """Return `parse(text)`. Of a long text with one long list or object, `parse` gets one part after another."""
    if len(text) >= MIN_SLICED:
        # Otherwise `parse` says what is wrong with the whole text, if anything is.
        with contextlib.suppress(ValueError, RecursionError):
            return _parse_parts(text, parse)
    return parse(text)


def _parse_parts(text: bytes, parse: Parse) -> Any:
    """Return `parse(text)`, made of parts. Raise ValueError if the text has to be parsed as a whole."""
    for span in chain(_spans(text, LIST), _spans(text, OBJECT)):
        around = _around(text, span, parse)
        if around is not None:
            with contextlib.suppress(ValueError):  # the first part shows whether this list or object can be cut
                first, following = _part(text, span.start, span, parse)
                return _with_items(around, _items(text, first, following, span, parse))
    raise ValueError("the text has to be parsed as a whole")


def _spans(text: bytes, kind: Kind) -> Iterator[Span]:
    """Yield where the inside of a list or an object may begin and end that can be cut, the outermost first."""
    ends, end = list[int](), len(text)
    while len(ends) < MOST_TRIED and (end := text.rfind(kind.closing, max(0, len(text) - MAX_AROUND), end)) >= 0:
        ends.append(end)
    for found in islice(kind.begins.finditer(text, 0, MAX_AROUND), MOST_TRIED):
        start = found.end()
        between = kind.between.get(text[start], kind.between_others)
        if between.search(text, start + SLICE, start + SLICE + WINDOW):
            yield from (Span(kind, between, start, end) for end in ends if start < end)


def _around(text: bytes, span: Span, parse: Parse) -> Any:
    """Return the document with the mark in place of a list or object; None if none can begin and end there."""
    with contextlib.suppress(ValueError):
        before = text[: text.rindex(span.kind.opening, 0, span.start)]
        return parse_around(before, text[span.end + 1 :], parse)
    return None


def parse_around(before: bytes, after: bytes, parse: Parse) -> Any:
    """Return the document with the mark in place of what stands between these bytes. Raise as `parse` does.

    If that is within a string, the quotes of the mark end the string, and the rest is no JSON.
    """
    return parse(b'%b"%b"%b' % (before, MARK.encode(), after))


def _items(text: bytes, items: Any, start: int, span: Span, parse: Parse) -> Any:
    """Return the first items with those that follow. Of a name that is repeated, the last value counts."""
    while start >= 0:
        part, start = _part(text, start, span, parse)
        if isinstance(items, dict):
            items.update(part)
        else:
            items.extend(part)
    return items


def _part(text: bytes, start: int, span: Span, parse: Parse) -> tuple[Any, int]:
    """Return the values up to the first cut that is not within a string, and where the next begins; -1: no more."""
    kind = span.kind
    for stop, following in [*_cuts(text, start, span), (span.end, -1)][:MOST_TRIED]:
        with contextlib.suppress(ValueError):
            part = parse(b"%b%b%b" % (kind.opening, text[start:stop], kind.closing))
            if part:  # otherwise nothing stands between two commas
                return part, following
    raise ValueError("this list or object has to be parsed as a whole")


def _cuts(text: bytes, start: int, span: Span) -> Iterator[tuple[int, int]]:
    """Yield where a slice that begins here may end, and where the next one then begins."""
    least = start + SLICE
    for found in islice(span.between.finditer(text, least, min(span.end, least + WINDOW)), MOST_TRIED):
        yield found.start() + 1, found.end()


def _with_items(value: Any, items: Any) -> Any:
    """Return the value with the items in place of the mark."""
    if isinstance(value, dict):
        return {name: _with_items(inner, items) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_items(inner, items) for inner in value]
    return items if value == MARK else value
