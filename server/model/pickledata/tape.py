"""The bytes of a pickle, read from their beginning to their end, and the budgets that they may use."""

from __future__ import annotations

import mmap

from server.model.pickledata import bounds
from server.model.pickledata.records import Unknown, Unreadable

Buffer = bytes | bytearray | mmap.mmap

ENDS_EARLY = "model file ends too early: it was not uploaded completely, or saving it was interrupted"


class Tape:
    """A position in the bytes. All pickles of one file share it, and its budgets."""

    def __init__(self, data: Buffer, stored: int | None = None) -> None:
        """Begin at the first byte. `stored` is the size of the compressed file that the bytes come from."""
        self.data = data
        self.view = memoryview(data).toreadonly()
        self.size = len(data)
        self.at = 0
        """The next byte's position. It may be beyond the end until the next byte is read."""
        counted = self.size if stored is None else min(self.size, stored * bounds.COUNTED_PER_STORED)
        self._opcodes = min(bounds.MAX_OPCODES, bounds.MIN_OPCODES + counted)
        self._objects = min(bounds.MAX_OBJECTS, bounds.MIN_OBJECTS + counted // bounds.BYTES_PER_OBJECT)
        self._copied = bounds.MIN_COPIED + counted * bounds.COPIED_PER_BYTE
        self._tuple_keys = bounds.MAX_TUPLE_KEYS
        self.names: dict[str, None] = {}
        """The full names of all classes and functions that were read so far, in their order (`server/scan.py`)."""

    def skip(self, count: int) -> int:
        """Move behind these bytes and return the position of the first."""
        at = self.at
        if count > self.size - at:
            raise Unreadable(ENDS_EARLY)
        self.at = at + count
        return at

    def take(self, count: int) -> bytes:
        """Return a copy of the next bytes."""
        at = self.skip(count)
        return bytes(self.data[at : at + count])

    def byte(self) -> int:
        """Return the next byte."""
        return self.data[self.skip(1)]

    def unsigned(self, size: int) -> int:
        """Return the next little-endian number, of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def text(self, length: int) -> str:
        """Return the next bytes as a string. Pickles have lone surrogates in their UTF-8."""
        if length > bounds.MAX_TEXT:
            raise Unknown("a model file with a string of too many bytes is not known as data")
        return self.take(length).decode("utf-8", "surrogatepass")

    def line(self, most: int) -> bytes:
        """Return the bytes up to the next line feed."""
        end = self.data.find(b"\n", self.at, self.at + most + 1)
        if end < 0:
            if self.size - self.at > most:
                raise Unknown("a model file with a line of too many bytes is not known as data")
            raise Unreadable(ENDS_EARLY)
        line = bytes(self.view[self.at : end])
        self.at = end + 1
        return line

    # ---- budgets

    def count_opcodes(self, number: int, stack: int) -> None:
        """Take opcodes from the budget, and check the number of values on the stack."""
        self._opcodes -= number
        if self._opcodes < 0:
            raise Unknown("a model file of too many opcodes is not known as data")
        if stack > bounds.MAX_STACK:
            raise Unknown("a model file with too many values on the stack is not known as data")

    def count_object(self) -> None:
        """Take one object from the budget."""
        self._objects -= 1
        if self._objects < 0:
            raise Unknown("a model file of too many objects is not known as data")

    def count_copied(self, size: int) -> None:
        """Take bytes from the budget: those of a value that is copied, which a file may name again and again."""
        self._copied -= size
        if self._copied < 0:
            raise Unknown("a model file with too many copies of its values is not known as data")

    def count_tuple_key(self) -> None:
        """Take one tuple that is a key from the budget."""
        self._tuple_keys -= 1
        if self._tuple_keys < 0:
            raise Unknown("a model file with too many tuples as keys is not known as data")
