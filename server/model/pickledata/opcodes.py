"""A pickle's opcodes as data: a closed set of them makes plain values, arrays and records.

Nothing that the file names is imported, looked up or called: a name is text (`records.Name`), a call is a record.
Source: Lib/pickletools.py. These are the opcodes that Python 3's picklers write, in protocols 0 to 5, without those of
tuples that contain themselves. Python 2's strings, extensions, persistent ids and buffers outside of the file are not
known.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable
from typing import Any

from server.model.pickledata import bounds
from server.model.pickledata.calls import call, key, keys, name, new
from server.model.pickledata.machine import PENDING, Handler, Machine, damaged
from server.model.pickledata.records import Record, Unknown, Unreadable
from server.model.pickledata.tape import ENDS_EARLY, Buffer, Tape

LAST_PROTOCOL = 5

HANDLERS: dict[int, Handler] = {}
"""By opcode: the closed set, but for the few that `Machine.run` executes itself."""


def read_pickle(data: Buffer, stored: int | None = None) -> Any:
    """Return what the bytes of a pickle describe; bytes behind it are ignored.

    `stored` is the size of the compressed file that they come from.

    Raises:
        Unknown: it is a pickle, but not one that is known as data.
        Unreadable: it is no pickle, or damaged.

    """
    return read_tape(Tape(data, stored))


def read_tape(tape: Tape) -> Any:
    """Return what the pickle on a tape describes; the tape keeps the names that were read, also after an error.

    Raises:
        Unknown, Unreadable: as `read_pickle`.

    """
    try:
        return Machine(tape, HANDLERS).run()
    except IndexError as error:
        if tape.at >= tape.size:
            raise Unreadable(ENDS_EARLY) from error
        raise damaged(tape) from error
    except (ArithmeticError, KeyError, TypeError, ValueError, struct.error) as error:
        raise damaged(tape) from error
    except (MemoryError, RecursionError) as error:
        raise Unknown("a model file that needs too much memory is not known as data") from error


def _opcode(number: int) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        HANDLERS[number] = handler
        return handler

    return register


# ---- the file's form


@_opcode(0x80)
def _proto(machine: Machine) -> None:
    if machine.tape.byte() > LAST_PROTOCOL:
        raise Unknown("a model file of this pickle protocol is not known as data")


@_opcode(0x95)
def _frame(machine: Machine) -> None:
    machine.tape.take(8)  # its length, which only helps to read in large pieces


@_opcode(0x28)
def _mark(machine: Machine) -> None:
    machine.tape.count_object()
    machine.marks.append(len(machine.stack))


@_opcode(0x71)
def _binput(machine: Machine) -> None:
    machine.put(machine.tape.byte())


@_opcode(0x72)
def _long_binput(machine: Machine) -> None:
    machine.put(machine.tape.unsigned(4))


@_opcode(0x70)
def _put(machine: Machine) -> None:
    machine.put(_number(machine.tape.line(bounds.MAX_LINE)))


@_opcode(0x67)
def _get(machine: Machine) -> None:
    place = _number(machine.tape.line(bounds.MAX_LINE))
    if place < 0:
        raise IndexError
    machine.stack.append(machine.memo[place])


# ---- single values


@_opcode(0x88)
def _newtrue(machine: Machine) -> None:
    machine.stack.append(True)


@_opcode(0x89)
def _newfalse(machine: Machine) -> None:
    machine.stack.append(False)


@_opcode(0x47)
def _binfloat(machine: Machine) -> None:
    machine.stack.append(struct.unpack(">d", machine.tape.take(8))[0])


@_opcode(0x46)
def _float(machine: Machine) -> None:
    machine.stack.append(float(machine.tape.line(bounds.MAX_LINE)))


@_opcode(0x49)
def _int(machine: Machine) -> None:
    line = machine.tape.line(bounds.MAX_LINE)
    machine.stack.append({b"00": False, b"01": True}[line] if line in (b"00", b"01") else _number(line))


@_opcode(0x4C)
def _long(machine: Machine) -> None:
    machine.stack.append(_number(machine.tape.line(bounds.MAX_LINE).removesuffix(b"L")))


@_opcode(0x8A)
def _long1(machine: Machine) -> None:
    machine.stack.append(_integer(machine.tape, machine.tape.byte()))


@_opcode(0x8B)
def _long4(machine: Machine) -> None:
    machine.stack.append(_integer(machine.tape, machine.tape.unsigned(4)))


@_opcode(0x58)
def _binunicode(machine: Machine) -> None:
    machine.stack.append(machine.tape.text(machine.tape.unsigned(4)))


@_opcode(0x8D)
def _binunicode8(machine: Machine) -> None:
    machine.stack.append(machine.tape.text(machine.tape.unsigned(8)))


@_opcode(0x56)
def _unicode(machine: Machine) -> None:
    # `bytes.decode` would import the codec, as the file's first import.
    machine.stack.append(codecs.raw_unicode_escape_decode(machine.tape.line(bounds.MAX_TEXT))[0])


@_opcode(0x43)
def _short_binbytes(machine: Machine) -> None:
    machine.stack.append(machine.tape.take(machine.tape.byte()))


@_opcode(0x42)
def _binbytes(machine: Machine) -> None:
    machine.stack.append(machine.tape.take(machine.tape.unsigned(4)))


@_opcode(0x8E)
def _binbytes8(machine: Machine) -> None:
    machine.stack.append(machine.tape.take(machine.tape.unsigned(8)))


@_opcode(0x96)
def _bytearray8(machine: Machine) -> None:
    machine.stack.append(bytearray(machine.tape.take(machine.tape.unsigned(8))))


def _number(line: bytes) -> int:
    """Return the number of a line."""
    if len(line) > bounds.MAX_DIGITS:
        raise Unknown("a model file with a number of too many digits is not known as data")
    return int(line)


def _integer(tape: Tape, size: int) -> int:
    """Return the next little-endian number with a sign."""
    if size > bounds.MAX_INTEGER:
        raise Unknown("a model file with an integer of too many bytes is not known as data")
    return int.from_bytes(tape.take(size), "little", signed=True)


# ---- containers


@_opcode(0x29)
def _empty_tuple(machine: Machine) -> None:
    machine.stack.append(())


@_opcode(0x85)
def _tuple1(machine: Machine) -> None:
    machine.push_object((machine.stack.pop(),))


@_opcode(0x86)
def _tuple2(machine: Machine) -> None:
    second, first = machine.stack.pop(), machine.stack.pop()
    machine.push_object((first, second))


@_opcode(0x87)
def _tuple3(machine: Machine) -> None:
    third, second, first = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    machine.push_object((first, second, third))


@_opcode(0x74)
def _tuple(machine: Machine) -> None:
    machine.push_object(tuple(machine.pop_mark()))


@_opcode(0x5D)
def _empty_list(machine: Machine) -> None:
    machine.push_object([])


@_opcode(0x6C)
def _list(machine: Machine) -> None:
    machine.push_object(machine.pop_mark())


@_opcode(0x7D)
def _empty_dict(machine: Machine) -> None:
    machine.push_object({})


@_opcode(0x64)
def _dict(machine: Machine) -> None:
    flat = machine.pop_mark()
    machine.push_object({})
    _set_items(machine, flat)


@_opcode(0x8F)
def _empty_set(machine: Machine) -> None:
    machine.push_object(set())


@_opcode(0x91)
def _frozenset(machine: Machine) -> None:
    machine.push_object(frozenset(keys(machine.pop_mark(), machine.tape)))


@_opcode(0x61)
def _append(machine: Machine) -> None:
    _extend(machine, [machine.stack.pop()])


@_opcode(0x65)
def _appends(machine: Machine) -> None:
    _extend(machine, machine.pop_mark())


def _extend(machine: Machine, items: list[Any]) -> None:
    """Append to the list, or to the record of a kind of list, on the stack."""
    target = machine.stack[-1]
    if type(target) is Record:
        if target.items is None:
            target.items = []
        target = target.items
    if type(target) is not list:
        raise Unknown("items of another value than a list are not known as data")
    target.extend(items)


@_opcode(0x73)
def _setitem(machine: Machine) -> None:
    value, index = machine.stack.pop(), machine.stack.pop()
    _set_items(machine, [index, value])


@_opcode(0x75)
def _setitems(machine: Machine) -> None:
    _set_items(machine, machine.pop_mark())


def _set_items(machine: Machine, flat: list[Any]) -> None:
    """Set keys and values in the dict, or in the record of a kind of dict, on the stack."""
    target = machine.stack[-1]
    if type(target) is Record:
        if target.pairs is None:
            target.pairs = {}
        target = target.pairs
    if type(target) is not dict:
        raise Unknown("items of another value than a dict are not known as data")
    target.update(zip(keys(flat[::2], machine.tape), flat[1::2], strict=True))


@_opcode(0x90)
def _additems(machine: Machine) -> None:
    items = machine.pop_mark()
    target = machine.stack[-1]
    if type(target) is not set:
        raise Unknown("items of another value than a set are not known as data")
    for item in items:
        target.add(key(item, machine.tape))


# ---- names and what would be called


@_opcode(0x63)
def _global(machine: Machine) -> None:
    module, qualified = machine.tape.line(bounds.MAX_NAME), machine.tape.line(bounds.MAX_NAME)
    machine.push_object(name(module.decode(), qualified.decode(), machine.tape))


@_opcode(0x93)
def _stack_global(machine: Machine) -> None:
    qualified, module = machine.stack.pop(), machine.stack.pop()
    machine.push_object(name(module, qualified, machine.tape))


@_opcode(0x52)
def _reduce(machine: Machine) -> None:
    args, kind = machine.stack.pop(), machine.stack.pop()
    machine.push_made(call(kind, args, machine.tape))


@_opcode(0x81)
def _newobj(machine: Machine) -> None:
    args, kind = machine.stack.pop(), machine.stack.pop()
    machine.push_made(new(kind, args))


@_opcode(0x92)
def _newobj_ex(machine: Machine) -> None:
    named, args, kind = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    if type(named) is not dict or named:
        raise Unknown("an object of named arguments is not known as data")
    machine.push_made(new(kind, args))


@_opcode(0x62)
def _build(machine: Machine) -> None:
    """Give a state to the value on the stack. Only records take one, and what is described by its state."""
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, PENDING):
        machine.tape.count_object()
        made = target.finish(state, machine.tape, machine.run_inner)
        machine.stack[-1] = made
        # Every pickler memoizes a value directly after its REDUCE or NEWOBJ.
        if target.place < len(machine.memo) and machine.memo[target.place] is target:
            machine.memo[target.place] = made
    elif type(target) is Record and target.state is None:
        target.state = state
    else:
        raise Unknown("a state of another thing than an object is not known as data")


# ---- opcodes that a pickle may have, but none that is known as data

OTHERS = {
    0x30: "POP",
    0x31: "POP_MARK",
    0x32: "DUP",
    0x50: "PERSID",
    0x51: "BINPERSID",
    0x53: "STRING",
    0x54: "BINSTRING",
    0x55: "SHORT_BINSTRING",
    0x69: "INST",
    0x6F: "OBJ",
    0x82: "EXT1",
    0x83: "EXT2",
    0x84: "EXT4",
    0x97: "NEXT_BUFFER",
    0x98: "READONLY_BUFFER",
}


def _other(machine: Machine) -> None:
    if machine.tape.at == 1:  # no model begins so, but a zip file begins with the same byte as PERSID
        raise machine.no_opcode()
    opcode = machine.tape.data[machine.tape.at - 1]
    raise Unknown(f"a model file with the opcode {OTHERS[opcode]} is not known as data")


HANDLERS.update(dict.fromkeys(OTHERS, _other))
