"""Values counted in the bytes of a body, before any of them is made. Pure.

A value of one or two bytes takes 8 to 230 bytes as a Python object, so the size of a body does not bound its price; the
number of its values does. The cheap count reads each byte once (1 ms a megabyte) and may count too much, because a
string may hold commas. Only a body that it would refuse is counted exactly.
"""

from __future__ import annotations

import re
from itertools import islice

import numpy as np

from server.errors import TooLargeError

MAX_VALUES = 1024 * 1024
"""Default of `--max-values`."""

SHOWN = 10**12
"""A shape of 32 dimensions may announce a number of 300 digits; an error text says that it is at least this."""

PIECE = 256 * 1024
"""Bytes. The exact count looks at as many at a time, so that no call holds the interpreter for long."""

OUTER_LISTS = 4
"""Lists and objects around the values of every protocol: `{"inputs": [{"shape": […], "data": […]}]}`."""

QUOTE, BACKSLASH, COMMA = b'"', b"\\", b","
OPENING = b"[{"

CSV_FIELD = re.compile(rb'(?!\Z)(?:"(?:[^"]|"")*+"[^,\r\n]*+|[^",\r\n][^,\r\n]*+|)(?:,|\r\n?|\n|\Z)')
"""A field, quoted, plain or empty, with the separator after it. A quote within a plain field is like any character."""


def check_json_values(text: bytes | memoryview, most: int) -> None:
    """Raise TooLargeError if the JSON text has more than `most` values.

    Each list and object counts as one value if there are more of them than of the others: most often empty ones.
    """
    if 2 * most > len(text):  # a value takes a byte, and a comma or a bracket another one
        return
    whole = bytes(text)
    values, opened = whole.count(COMMA) + 1, whole.count(b"[") + whole.count(b"{")
    if max(values, opened - OUTER_LISTS) > most:
        values, opened = _exact_counts(whole)
    check_number(max(values, opened - OUTER_LISTS), most)


def check_csv_values(text: bytes, most: int) -> None:
    """Raise TooLargeError if the CSV text has more than `most` fields."""
    if len(text) <= most or text.count(COMMA) + text.count(b"\n") + text.count(b"\r") < most:
        return
    check_number(sum(1 for _ in islice(CSV_FIELD.finditer(text), most + 1)), most, at_least=True)


def check_number(found: int, most: int, *, at_least: bool = False) -> None:
    """Raise TooLargeError if `found` values are more than `most`."""
    if found > most:
        has = f"at least {min(found, SHOWN)}" if at_least or found > SHOWN else f"{found}"
        raise TooLargeError(
            f"the request has {has} values; at most {most} are accepted (--max-values): "
            "send the rows in several requests"
        )


def _exact_counts(text: bytes) -> tuple[int, int]:
    """Return the number of values and of opening brackets outside strings.

    Of a text that is no JSON, the counts are right up to the first fault. A parser makes nothing of what follows it.
    """
    if BACKSLASH in text:  # only strings have them: `\\\\` is no escape of the quote after it, `\\"` is
        text = text.replace(rb"\\", b"  ").replace(rb"\"", b"  ")
    values, opened, inside = 1, 0, np.uint8(0)
    for start in range(0, len(text), PIECE):
        piece = np.frombuffer(text, np.uint8, min(PIECE, len(text) - start), start)
        strings = np.bitwise_xor.accumulate(np.append(inside, piece == ord(QUOTE)))
        outside = piece[strings[1:] == 0]
        values += int(np.count_nonzero(outside == ord(COMMA)))
        opened += sum(int(np.count_nonzero(outside == bracket)) for bracket in OPENING)
        inside = strings[-1]
    return values, opened
