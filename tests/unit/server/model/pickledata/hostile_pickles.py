"""Files that attack whoever loads them. None may run anything, crash, hang or fill the memory.

Each entry is a complete file. `COMMAND` would leave a trace in the current folder.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import struct
import zlib

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from tests.unit.server.model.pickledata.streams import (
    APPENDS,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    EMPTY_TUPLE,
    MARK,
    MEMOIZE,
    NEWOBJ,
    NO_PADDING,
    NONE,
    PROTO,
    REDUCE,
    SETITEM,
    SETITEMS,
    STOP,
    TUPLE,
    TUPLE1,
    TUPLE2,
    array,
    call,
    content,
    dtype,
    frame,
    get,
    instance,
    mapping,
    name,
    number,
    pickle_of,
    record_dtype,
    shape,
    text,
    values,
)

TRACE = "kubeserve-was-here"
COMMAND = f"touch {TRACE}"
SYSTEM = call("os", "system", text(COMMAND))
LOGISTIC = ("sklearn.linear_model._logistic", "LogisticRegression")
VERSION = text("1.9.1")

CALLS = {
    "os.system": pickle_of(SYSTEM),
    "posix.system in protocol 0": f"cposix\nsystem\n(V{COMMAND}\ntR.".encode(),
    "os.system with a text of Python 2": f"cos\nsystem\n(S'{COMMAND}'\ntR.".encode(),
    "eval": pickle_of(call("builtins", "eval", text(f"__import__('os').system({COMMAND!r})"))),
    "exec of Python 2": pickle_of(call("__builtin__", "exec", text(f"import os; os.system({COMMAND!r})"))),
    "import by name": pickle_of(call("builtins", "__import__", text("this"))),
    "getattr": pickle_of(call("builtins", "getattr", name("os", "path"), text("os"))),
    "dotted name": pickle_of(call("numpy", "prod.__globals__.os.system", text(COMMAND))),
    "builtins inside of numpy": pickle_of(call("builtins", "dict.get", name("numpy", "__builtins__"), text("exec"))),
    "subprocess.Popen": pickle_of(name("subprocess", "Popen"), text(COMMAND), TUPLE1, NEWOBJ),
    "subprocess.Popen with named arguments": pickle_of(
        name("subprocess", "Popen"), EMPTY_TUPLE, mapping(args=text(COMMAND)), b"\x92"
    ),
    "class in protocol 1": f"(V{COMMAND}\nios\nsystem\n.".encode(),
    "object in protocol 1": f"(cos\nsystem\nV{COMMAND}\no.".encode(),
    "module with effects": pickle_of(name("antigravity", "webbrowser")),
    "pickle in a pickle": pickle_of(call("pickle", "loads", content(pickle_of(SYSTEM)))),
    "joblib.load": pickle_of(call("joblib", "load", text("/etc/passwd"))),
    "numpy.load": pickle_of(call("numpy", "load", text("/etc/passwd"), NONE, b"\x88")),
    "numpy.fromfile": pickle_of(call("numpy", "fromfile", text("/etc/passwd"))),
    "numpy.memmap": pickle_of(call("numpy", "memmap", text("/etc/passwd"))),
    "open": pickle_of(call("builtins", "open", text(TRACE), text("w"))),
    "socket": pickle_of(call("socket", "create_connection", values(text("127.0.0.1"), number(9)))),
    "methodcaller": pickle_of(
        call("operator", "methodcaller", text("system"), text(COMMAND)), name("os", "x"), TUPLE1, REDUCE
    ),
    "partial": pickle_of(call("functools", "partial", name("os", "system"), text(COMMAND)), EMPTY_TUPLE, REDUCE),
    "map": pickle_of(call("builtins", "map", name("os", "system"), values(text(COMMAND)))),
    "runstring": pickle_of(call("numpy.testing._private.utils", "runstring", text("1"), EMPTY_DICT)),
    "code object": pickle_of(call("types", "CodeType", *[number(0)] * 6)),
    "_reconstructor of a function": pickle_of(
        call("copyreg", "_reconstructor", name("os", "system"), name("builtins", "object"), NONE)
    ),
    "_reconstructor of a kind of text": pickle_of(
        call("copyreg", "_reconstructor", name("a", "Text"), name("builtins", "str"), text("x"))
    ),
    "__newobj__": pickle_of(call("copyreg", "__newobj__", name("subprocess", "Popen"), text(COMMAND))),
    "__newobj_ex__": pickle_of(
        call("copyreg", "__newobj_ex__", name("subprocess", "Popen"), EMPTY_TUPLE, mapping(args=text(COMMAND)))
    ),
    "codec": pickle_of(call("_codecs", "encode", text("x"), text("rot13"))),
    "decoder": pickle_of(call("_codecs", "decode", content(b"x"), text("zlib"))),
    "set of what calls": pickle_of(call("builtins", "set", SYSTEM)),
    "bytearray of a large number": pickle_of(call("builtins", "bytearray", number(1 << 40))),
    "bytes of a large number": pickle_of(call("builtins", "bytes", number(1 << 40))),
    "range": pickle_of(call("builtins", "list", call("builtins", "range", number(1 << 40)))),
    "call of a record": pickle_of(SYSTEM, EMPTY_TUPLE, REDUCE),
    "call of a text": pickle_of(text("os.system"), text(COMMAND), TUPLE1, REDUCE),
    "call with a list as arguments": pickle_of(name("os", "system"), EMPTY_LIST, text(COMMAND), b"a", REDUCE),
    "RandomState beyond its array": pickle_of(
        call("numpy.random._pickle", "__randomstate_ctor", text("MT19937")),
        mapping(state=mapping(pos=number(1 << 40))),
        BUILD,
    ),
}

STATES = {
    "state with __setstate__": pickle_of(instance(*LOGISTIC, __setstate__=name("os", "system")), text(COMMAND), BUILD),
    "state with __class__ and __reduce__": pickle_of(
        instance(*LOGISTIC, __class__=name("os", "system"), __reduce__=name("os", "system"))
    ),
    "state of slots": pickle_of(
        name(*LOGISTIC), EMPTY_TUPLE, NEWOBJ, NONE, mapping(__class__=name("os", "system")), TUPLE2, BUILD
    ),
    "state for os.environ": pickle_of(name("os", "environ"), mapping(PATH=text("/tmp")), BUILD),
    "state for a dict": pickle_of(EMPTY_DICT, EMPTY_DICT, BUILD),
    "two states": pickle_of(instance(*LOGISTIC, a=NONE), mapping(b=NONE), BUILD),
    "item for os.environ": pickle_of(name("os", "environ"), text("LD_PRELOAD"), text("x"), SETITEM),
    "items for sys.path": pickle_of(name("sys", "path"), MARK, text("/tmp"), APPENDS),
    "item for a tuple": pickle_of(EMPTY_TUPLE, NONE, b"a"),
    "items for a text": pickle_of(text("x"), MARK, NONE, NONE, SETITEMS),
    "extension 1": pickle_of(b"\x82\x01"),
    "extension 2": pickle_of(b"\x83\x01\x00"),
    "extension 4": pickle_of(b"\x84\x01\x00\x00\x00"),
    "persistent id": b"Pid\n.",
    "persistent id of an object": pickle_of(text("id"), b"Q"),
    "buffer outside": b"\x80\x05\x97.",
    "buffer outside, read only": b"\x80\x05\x97\x98.",
    "object as a key": pickle_of(EMPTY_DICT, name(*LOGISTIC), EMPTY_TUPLE, NEWOBJ, NONE, SETITEM),
    "list as a key": pickle_of(EMPTY_DICT, EMPTY_LIST, NONE, SETITEM),
    "array as a key": pickle_of(EMPTY_DICT, array(dtype("f8"), shape(1), content(bytes(8))), NONE, SETITEM),
    "nested tuple as a key": pickle_of(EMPTY_DICT, EMPTY_TUPLE, TUPLE1 * 900_000, NONE, SETITEM),
    "array as the named arguments": pickle_of(
        name("a", "b"), EMPTY_TUPLE, array(dtype("f8"), shape(2), content(bytes(16))), b"\x92"
    ),
}


def many_tuples() -> bytes:
    """Return a dict whose keys are tuples: their hashes could be made equal, which takes quadratic time."""
    return pickle.dumps({(place, -place): None for place in range(50_000)})


def equal_texts() -> bytes:
    """Return a dict in which two long and equal texts are set in turn, so that they are compared each time."""
    long = text("a" * (8 << 20)) + MEMOIZE
    return pickle_of(EMPTY_DICT, MARK, long, NONE, long, NONE, b"h\x00Nh\x01N" * 50_000, SETITEMS)


def shared_lists(depth: int) -> bytes:
    """Return lists that contain the one before twice. As text they would have 2 to the power of `depth` brackets."""
    twice = b"".join(MARK + get(place) + get(place) + b"l" + MEMOIZE for place in range(depth))
    return MARK + EMPTY_LIST + MEMOIZE + twice + TUPLE


ZEROS = bytes(64 << 20)

LENGTHS = {
    "integer of 2 GB": pickle_of(b"\x8b", struct.pack("<i", 2**31 - 1), b"\x01"),
    "integer of negative length": pickle_of(b"\x8b", struct.pack("<i", -1)),
    "integer of a million digits": b"L" + b"9" * 1_000_000 + b"L\n.",
    "float of a million digits": b"F" + b"9" * 1_000_000 + b"\n.",
    "text of 2⁶² bytes": pickle_of(b"\x8d", struct.pack("<Q", 2**62), b"x"),
    "bytes of 2⁶³ bytes": pickle_of(b"\x8e", struct.pack("<Q", 2**63), b"x"),
    "bytearray of 2⁴⁰ bytes": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.",
    "frame of 2⁶⁰ bytes": pickle_of(b"\x95", struct.pack("<Q", 2**60), NONE),
    "place 2³² in the memo": pickle_of(NONE, b"r\xff\xff\xff\xff"),
    "place of 40 digits in the memo": b"Np" + b"9" * 40 + b"\n.",
    "negative place in the memo": b"Np-1\ng-1\n.",
    "place that was never filled": pickle_of(b"h\x07"),
    "lists that name their parts twice": pickle_of(shared_lists(200)),
    "list that contains itself": pickle_of(EMPTY_LIST, MEMOIZE, b"h\x00a"),
    "record whose state is itself": pickle_of(name(*LOGISTIC), EMPTY_TUPLE, NEWOBJ, MEMOIZE, get(0), BUILD),
    "record whose state contains itself": pickle_of(
        name(*LOGISTIC), EMPTY_TUPLE, NEWOBJ, MEMOIZE, EMPTY_DICT, text("coef_"), get(0), SETITEM, BUILD
    ),
    "2 million nested tuples": pickle_of(EMPTY_TUPLE, TUPLE1 * 2_000_000),
    "a million nested lists": pickle_of(EMPTY_LIST * 1_000_000, b"a" * 999_999),
    "10 MB of marks": PROTO + MARK * 10_000_000,
    "2 MB of sets": pickle_of(EMPTY_SET * 2_000_000),
    "20 MB of None": pickle_of(NONE * 20_000_000),
    "20 MB of memo": pickle_of(NONE, MEMOIZE * 20_000_000),
    "50,000 tuples as keys": many_tuples(),
    "equal texts that are compared again and again": equal_texts(),
    "integers with equal hashes as keys": pickle_of(
        EMPTY_DICT, MARK, *(number(place * (2**61 - 1)) + NONE for place in range(50_000)), SETITEMS
    ),
    "POP": pickle_of(NONE, b"0", NONE),
    "POP_MARK": pickle_of(MARK, b"1", NONE),
    "DUP": pickle_of(NONE, b"2"),
    "empty stack": pickle_of(REDUCE),
    "no mark": pickle_of(TUPLE),
    "mark above the stack": pickle_of(MARK, NONE, MARK, b"a", TUPLE),
    "no end": PROTO + NONE,
    "nothing but an end": STOP,
    "two values": pickle_of(NONE, NONE),
    "protocol 255": b"\x80\xffN.",
    "text that is no UTF-8": pickle_of(b"\x8c\x02\xff\xfe"),
    "HTML": b"<!DOCTYPE html><html>",
    "zip file": b"PK\x03\x04" + bytes(40),
    "zlib bomb": zlib.compress(ZEROS, 9),
    "gzip bomb": gzip.compress(pickle_of(NONE * len(ZEROS)), 1),
    "bzip2 bomb": bz2.compress(ZEROS, 9),
    "xz bomb": lzma.compress(ZEROS, preset=0),
    "lzma bomb": lzma.compress(ZEROS, lzma.FORMAT_ALONE, preset=0),
    "sets in a small zlib file": zlib.compress(pickle_of(MARK, EMPTY_SET * 8_000_000, TUPLE)),
    "lzma dictionary of 4 GB": b"\x5d\x00\x00\x00\xf0" + b"\xff" * 8 + bytes(64),
    "zlib in zlib": zlib.compress(zlib.compress(pickle_of(NONE))),
    "damaged zlib": b"\x78\x9c" + bytes(range(64)),
}

ONE = NO_PADDING + bytes(8)
ARRAYS = {
    "frame of a function": pickle_of(frame(ONE, subclass=name("os", "system"))),
    "frame of a matrix": pickle_of(frame(ONE, subclass=name("numpy", "matrix"))),
    "frame without a state": pickle_of(name("joblib.numpy_pickle", "NumpyArrayWrapper"), EMPTY_TUPLE, NEWOBJ),
    "frame of a list as its state": pickle_of(
        name("joblib.numpy_pickle", "NumpyArrayWrapper"), EMPTY_TUPLE, NEWOBJ, EMPTY_LIST, BUILD
    ),
    "frame whose size overflows": pickle_of(frame(ONE, lengths=shape(1 << 33, 1 << 33))),
    "frame of 2³⁹ numbers": pickle_of(frame(ONE, lengths=shape(1 << 39))),
    "frame of negative length": pickle_of(frame(ONE, lengths=shape(-1))),
    "frame whose shape is a text": pickle_of(frame(ONE, lengths=text("x"))),
    "frame whose shape is a float": pickle_of(frame(ONE, lengths=values(b"G" + bytes(8)))),
    "frame whose shape is a list": pickle_of(frame(ONE, lengths=EMPTY_LIST)),
    "empty frame of 2⁶²": pickle_of(frame(ONE, lengths=shape(0, 1 << 62))),
    "frame of 64 dimensions": pickle_of(frame(ONE, lengths=shape(*[1] * 64))),
    "frame of another order": pickle_of(frame(ONE, order=text("X"))),
    "frame whose order is an array": pickle_of(frame(ONE, order=array(dtype("f8"), shape(2), content(bytes(16))))),
    "frame of objects that calls": pickle_of(frame(pickle_of(SYSTEM), kind=dtype("O8", "|"))),
    "frame in a frame in a frame": pickle_of(
        frame(
            pickle_of(frame(pickle_of(SYSTEM), kind=dtype("O8", "|"))),
            kind=dtype("O8", "|"),
        )
    ),
    "frame that names another file": pickle_of(frame(ONE, filename=text("/etc/passwd"))),
    "array in another file": pickle_of(
        instance("joblib.numpy_pickle_compat", "NDArrayWrapper", filename=text("/etc/passwd"), subclass=NONE)
    ),
    "padding beyond the end": pickle_of(frame(b"\xff")),
    "dtype without a state": pickle_of(frame(ONE, kind=call("numpy", "dtype", text("f8")))),
    "dtype of no bytes": pickle_of(frame(ONE, kind=dtype("U0"), lengths=shape(1 << 40))),
    "dtype of gigabytes": pickle_of(frame(ONE, kind=dtype("U999999999"))),
    "dtype of an expression": pickle_of(frame(ONE, kind=dtype("f8,O"))),
    "dtype of shared lists": pickle_of(call("numpy", "dtype", shared_lists(60))),
    "dtype of a class": pickle_of(call("numpy", "dtype", name("os", "system"))),
    "dtype whose order is an array": pickle_of(
        call("numpy", "dtype", text("f8")),
        values(b"K\x03", array(dtype("f8"), shape(2), content(bytes(16))), *[NONE] * 3, *[number(-1)] * 3),
        BUILD,
    ),
    "field beyond the item": pickle_of(frame(ONE, kind=record_dtype(dtype("f8"), 4096, 8))),
    "field before the item": pickle_of(frame(ONE, kind=record_dtype(dtype("f8"), -8, 8))),
    "field of objects over raw bytes": pickle_of(frame(ONE, kind=record_dtype(dtype("O8", "|"), 0, 8))),
    "field of the record itself": pickle_of(frame(ONE, kind=record_dtype(record_dtype(dtype("f8"), 0, 8), 0, 8))),
    "array of another type": pickle_of(array(dtype("f8"), shape(1), content(bytes(8)), name("os", "system"))),
    "pointers as bytes": pickle_of(array(dtype("O8", "|"), shape(1), content(b"A" * 8))),
    "pointer as a scalar": pickle_of(call("numpy._core.multiarray", "scalar", dtype("O8", "|"), content(b"A" * 8))),
    "scalar of too many bytes": pickle_of(call("numpy._core.multiarray", "scalar", dtype("f8"), content(bytes(4096)))),
    "buffer of another length": pickle_of(
        call("numpy._core.numeric", "_frombuffer", content(bytes(8)), dtype("f8"), shape(4096), text("C"))
    ),
    "array that contains itself": pickle_of(
        call("numpy._core.multiarray", "_reconstruct", name("numpy", "ndarray"), shape(0), content(b"b")),
        MEMOIZE,
        values(b"K\x01", shape(1), dtype("O8", "|"), b"\x89", EMPTY_LIST + get(0) + b"a"),
        BUILD,
    ),
    "array with strides": pickle_of(call("numpy", "ndarray", shape(4096), text("f8"), content(bytes(8)))),
    "strides tricks": pickle_of(
        call("numpy.lib.stride_tricks", "as_strided", array(dtype("f8"), shape(1), content(bytes(8))), shape(4096))
    ),
    "booleans of 255": pickle_of(array(dtype("b1", "|"), shape(8), content(b"\xff" * 8))),
    "characters beyond Unicode": pickle_of(array(dtype("U1"), shape(2), content(b"\xff" * 8))),
}


def shared_pipelines(depth: int) -> bytes:
    """Return a pipeline that contains the next one twice: 2 to the power of `depth` estimators in few bytes."""
    made = StandardScaler().fit([[0.0], [1.0]])
    for _ in range(depth):
        made = Pipeline([("first", made), ("second", made)])
    return pickle.dumps(made)


def nested_pipelines(depth: int) -> bytes:
    made = StandardScaler().fit([[0.0], [1.0]])
    for _ in range(depth):
        made = Pipeline([("only", made)])
    return pickle.dumps(made)


def pipeline_in_itself() -> bytes:
    made = Pipeline([])
    made.steps.append(("only", made))
    return pickle.dumps(made)


MODELS = {
    "pipelines that share 2⁴⁰ parts": shared_pipelines(40),
    "pipelines that share 2¹⁸ parts": shared_pipelines(18),
    "25 nested pipelines": nested_pipelines(25),
    "pipeline that contains itself": pipeline_in_itself(),
    "logistic regression without arrays": pickle_of(instance(*LOGISTIC, _sklearn_version=VERSION)),
    "logistic regression with a call as its weights": pickle_of(
        instance(*LOGISTIC, coef_=SYSTEM, intercept_=SYSTEM, classes_=SYSTEM, _sklearn_version=VERSION)
    ),
    "logistic regression of another version": pickle_of(instance(*LOGISTIC, _sklearn_version=text("99.0"))),
    "logistic regression of a call as its version": pickle_of(instance(*LOGISTIC, _sklearn_version=SYSTEM)),
    "logistic regression of shared lists as its version": pickle_of(
        instance(*LOGISTIC, _sklearn_version=shared_lists(60))
    ),
}

HOSTILE: dict[str, bytes] = {**CALLS, **STATES, **LENGTHS, **ARRAYS, **MODELS}
