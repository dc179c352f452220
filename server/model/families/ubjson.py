"""Read Universal Binary JSON (https://ubjson.org), in which XGBoost keeps a model, with bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from server.model.pickledata.records import Unknown

MAX_DEPTH = 32
MAX_VALUES = 2_000_000
"""Values, without those of arrays of one kind: a few seconds. A tree has 20, of any size."""
MIN_VALUES = 1_000
"""Values that a model of any size may have."""
BYTES_PER_VALUE = 8
"""Bytes for each further value: an honest one has a key or a length, and an empty list of two bytes takes 70."""
NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
"""The dtype of each kind of number."""
CONSTANTS = {b"Z": None, b"T": True, b"F": False}


def read_ubjson(data: bytes | bytearray) -> Any:
    """Return the value: dicts, lists, strings, numbers, and an array of NumPy for numbers of one kind.

    Raises:
        Unknown: it is not complete, or nested too deeply.

    """
    reader = _Reader(memoryview(data).toreadonly())
    value = reader.value(0)
    if reader.place != len(data):
        raise reader.wrong()
    return value


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self.data, self.place = data, 0
        self.values_left = min(MAX_VALUES, MIN_VALUES + len(data) // BYTES_PER_VALUE)

    def wrong(self) -> Unknown:
        return Unknown("a model in UBJSON that is not complete is not known as data")

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        if size < 0 or size > len(self.data) - self.place:
            raise self.wrong()
        self.place += size
        return bytes(self.data[self.place - size : self.place])

    def next_is(self, marker: bytes) -> bool:
        """Return whether the next byte is this one, and take it if so."""
        found = self.data[self.place : self.place + 1] == marker
        self.place += found
        return found

    def value(self, depth: int) -> Any:
        """Return the next value."""
        self.values_left -= 1
        if self.values_left < 0:
            raise Unknown("a model in UBJSON of too many values is not known as data")
        kind = self.take(1)
        if kind in NUMBERS:
            return self.numbers(kind, 1)[0].item()
        if kind in CONSTANTS:
            return CONSTANTS[kind]
        if kind == b"S":
            return self.text()
        if depth >= MAX_DEPTH or kind not in (b"{", b"["):
            raise self.wrong()
        return self.mapping(depth) if kind == b"{" else self.array(depth)

    def numbers(self, kind: bytes, count: int) -> Any:
        dtype = np.dtype(NUMBERS[kind])
        return np.frombuffer(self.take(dtype.itemsize * count), dtype).astype(dtype.newbyteorder("="))

    def length(self) -> int:
        kind = self.take(1)
        found = self.numbers(kind, 1)[0].item() if kind in NUMBERS else None
        if type(found) is not int or found < 0:
            raise self.wrong()
        return found

    def text(self) -> str:
        try:
            return self.take(self.length()).decode()
        except UnicodeDecodeError as error:
            raise self.wrong() from error

    def mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self.next_is(b"}"):
            key = self.text()
            found[key] = self.value(depth + 1)
        return found

    def array(self, depth: int) -> Any:
        if self.next_is(b"$"):
            kind = self.take(1)
            if kind not in NUMBERS or not self.next_is(b"#"):
                raise self.wrong()
            return self.numbers(kind, self.length())
        if self.next_is(b"#"):
            count = self.length()
            if count > len(self.data) - self.place:  # each value has a byte at least
                raise self.wrong()
            return [self.value(depth + 1) for _ in range(count)]
        found = []
        while not self.next_is(b"]"):
            found.append(self.value(depth + 1))
        return found
