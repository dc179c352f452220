"""The machine that executes a pickle's opcodes: its stack, its memo, and the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from server.model.pickledata import bounds
from server.model.pickledata.arrays import PendingArray, PendingDtype, PendingJoblibArray
from server.model.pickledata.records import Unknown, Unreadable
from server.model.pickledata.tape import ENDS_EARLY, Tape

# The most frequent opcodes, which `Machine.run` executes itself: a call for each would double the time of a vocabulary.
MEMOIZE, SHORT_BINUNICODE, BINGET, LONG_BINGET = 0x94, 0x8C, 0x68, 0x6A
BININT1, BININT2, BININT, NONE, STOP = 0x4B, 0x4D, 0x4A, 0x4E, 0x2E

PENDING = (PendingArray, PendingDtype, PendingJoblibArray)

FIRST = b"\x80"
"""The first byte of a pickle of protocol 2 or later: joblib and pickle write no other unless they are told to."""
MAX_SHOWN = 16
"""Bytes of the file's beginning that an error shows: enough to recognize HTML or a pointer of Git LFS."""


class Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, tape: Tape, handlers: Mapping[int, Handler], depth: int = 0) -> None:
        """Begin a pickle at the tape's position, inside `depth` others. `handlers` execute the other opcodes."""
        self.tape = tape
        self.handlers = handlers
        self.depth = depth
        self.stack: list[Any] = []
        self.marks: list[int] = []
        """Lengths of the stack at each MARK."""
        self.memo: list[Any] = []

    def run(self) -> Any:  # noqa: C901, PLR0912 - one branch for each of the most frequent opcodes
        """Execute the opcodes up to STOP and return the value that they leave."""
        tape, data, stack, memo, at = self.tape, self.tape.data, self.stack, self.memo, self.tape.at
        push, memoize, size = stack.append, memo.append, tape.size
        while True:
            tape.count_opcodes(bounds.OPCODES_PER_CHECK, len(stack))
            for _ in range(bounds.OPCODES_PER_CHECK):
                if at >= size:  # also where the argument of the opcode before was cut off
                    raise Unreadable(ENDS_EARLY)
                opcode = data[at]
                tape.at = at = at + 1
                if opcode == MEMOIZE:
                    memoize(stack[-1])
                elif opcode == SHORT_BINUNICODE:
                    end = at + 1 + data[at]
                    push(data[at + 1 : end].decode("utf-8", "surrogatepass"))
                    at = end
                elif opcode == BINGET:
                    push(memo[data[at]])
                    at += 1
                elif opcode == BININT1:
                    push(data[at])
                    at += 1
                elif opcode == BININT2:
                    push(int.from_bytes(data[at : at + 2], "little"))
                    at += 2
                elif opcode == BININT:
                    push(int.from_bytes(data[at : at + 4], "little", signed=True))
                    at += 4
                elif opcode == LONG_BINGET:
                    push(memo[int.from_bytes(data[at : at + 4], "little")])
                    at += 4
                elif opcode == NONE:
                    push(None)
                elif opcode == STOP:
                    return self._result()
                else:
                    handler = self.handlers.get(opcode)
                    if handler is None:
                        raise self.no_opcode()
                    handler(self)
                    at = tape.at

    def _result(self) -> Any:
        """Return the only value on the stack."""
        if len(self.stack) != 1 or self.marks:
            raise Unreadable("model file is damaged: its pickle does not end with one value")
        return self.stack[0]

    def no_opcode(self) -> Unreadable:
        """Return the error for the byte before the tape's position, which is no opcode."""
        return damaged(self.tape)

    def run_inner(self) -> Any:
        """Return what the pickle at the tape's position describes."""
        if self.depth >= bounds.MAX_PICKLE_DEPTH:
            raise Unknown("an array of objects inside another is not known as data")
        return Machine(self.tape, self.handlers, self.depth + 1).run()

    def pop_mark(self) -> list[Any]:
        """Remove and return what is on the stack since the last MARK."""
        start = self.marks.pop()
        found = self.stack[start:]
        del self.stack[start:]
        return found

    def push_object(self, value: Any) -> None:
        """Put a value of more than a few bytes on the stack."""
        self.tape.count_object()
        self.stack.append(value)

    def push_made(self, value: Any) -> None:
        """Put what a call or a class would make on the stack."""
        self.tape.count_object()
        if isinstance(value, PENDING):
            value.place = len(self.memo)
        self.stack.append(value)

    def put(self, place: int) -> None:
        """Keep the last value in the memo."""
        gap = place - len(self.memo)
        if place < 0 or gap > bounds.MEMO_GAP:
            raise Unknown("a model file with such gaps in its memo is not known as data")
        if gap < 0:
            self.memo[place] = self.stack[-1]
        else:
            self.memo.extend([None] * gap)
            self.memo.append(self.stack[-1])


Handler = Callable[[Machine], None]
"""Executes one opcode, whose arguments begin at the tape's position."""


def damaged(tape: Tape) -> Unreadable:
    """Return the error for bytes that no pickler writes. Letters are opcodes of protocol 0, so show how it begins."""
    start = bytes(tape.view[:MAX_SHOWN])
    if start[:1] != FIRST:
        return Unreadable(f"model file is damaged, or was not written by joblib or pickle: it begins with {start!r}")
    return Unreadable(f"model file is no pickle, or damaged near byte {tape.at}")
