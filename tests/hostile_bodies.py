"""Bodies that are made to cost much for few bytes, and the means to send one to a real server and see what it costs.

`tests/integration/test_hostile_bodies.py` holds what must be true of every one of them. `python -m tests.bench.limits`
writes what each costs into docs/limits.md.

Most are sent compressed: an attacker pays for the bytes on the wire only. The long ones have the size of the default
`--max-body-size` (16 MB), or as many values as the default of `--max-values` allows.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from server.http.body_budget import MEMORY_PER_TEXT_BYTE
from server.inputs.value_count import MAX_VALUES
from tests.integration.serving import Server, running

MB = 1 << 20
SIZE = 16 * MB
NAME = "m"

MAX_GROWTH_RATIO = 4
"""Peak memory over the memory that the server counts for the body (server/http/body_budget.py), beyond the base."""

MAX_GROWTH_BASE = 128 * MB
"""Bytes. A request of any size may take so much beside: for a matrix of a million values, its answer, the allocator."""

JSON, CSV = "application/json", "text/csv"
PREDICT, PROBA, V1 = "/predict", "/predict_proba", f"/v1/models/{NAME}:predict"
V2, MLFLOW = f"/v2/models/{NAME}/infer", "/invocations"

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda body: body,
    "gzip": lambda body: gzip.compress(body, 9),
    "deflate": lambda body: zlib.compress(body, 9),
}


@dataclass(frozen=True, slots=True)
class HostileBody:
    """One request. `model` is a key of MODELS."""

    name: str
    path: str
    make: Callable[[int], bytes]
    """Returns the body; with 10 in place of 1, a body of a tenth of the size, if its size can change."""
    model: str = "numbers"
    content_type: str = JSON
    coding: str = "gzip"
    head: int | None = None
    """Of a V2 body with binary data: the bytes of JSON at its beginning."""
    status: frozenset[int] = field(default=frozenset({400, 413}))
    """The codes that are right."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one body cost: bytes on the wire and unpacked, the answer, seconds, bytes of memory."""

    wire: int
    unpacked: int
    accounted: int
    status: int
    answer: bytes
    seconds: float
    growth: int
    slowest_health: float


ANSWERED = frozenset({200})


def numbers() -> object:
    return LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))


def gaps() -> object:
    X, y = load_iris(return_X_y=True)
    X[0, 0] = np.nan
    return DecisionTreeClassifier(max_depth=2).fit(X, y)


def texts() -> object:
    model = make_pipeline(HashingVectorizer(n_features=16), SGDClassifier(random_state=0))
    return model.fit(["good day", "bad day"], ["pos", "neg"])


def people() -> object:
    frame = pd.DataFrame({"city": ["Rome", "Oslo"] * 2, "age": [20.0, 30.0, 40.0, 50.0]})
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((encoder, ["city"]), (StandardScaler(), ["age"]))
    return make_pipeline(columns, LogisticRegression()).fit(frame, [0, 1, 0, 1])


MODELS: dict[str, Callable[[], object]] = {"numbers": numbers, "gaps": gaps, "texts": texts, "people": people}


def save(model: str, folder: Path) -> Path:
    """Write a model.joblib and return its path."""
    path = folder / model / "model.joblib"
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        joblib.dump(MODELS[model](), path)
    return path


def data(item: bytes, last: bytes = b"", *, count: int = 0, key: bytes = b"data") -> Callable[[int], bytes]:
    """Return what makes `{key: [item,item,…,last]}`, of `count` items or of the largest size."""
    most = count or (SIZE - 100) // (len(item) + 1)
    return lambda part: b'{"%b": [' % key + (item + b",") * (most // part - 1) + (last or item) + b"]}"


def tensor(shape: list[int], datatype: str, values: bytes) -> bytes:
    described = json.dumps({"name": "i", "shape": shape, "datatype": datatype}).encode()
    return b'{"inputs": [%b, "data": %b}]}' % (described[:-1], values)


def binary(
    name: str, shape: list[int], datatype: str, tail: bytes, size: int | None = None, **more: object
) -> HostileBody:
    """Return a V2 request whose tensor has `tail` as its bytes and says that it has `size`."""

    def parts(part: int) -> tuple[bytes, bytes]:
        rows = max(1, shape[0] // part)
        data = tail[: len(tail) * rows // shape[0]]
        parameters = {"binary_data_size": len(data) if size is None else size}
        item = {"name": "i", "shape": [rows, *shape[1:]], "datatype": datatype, "parameters": parameters}
        return json.dumps({"inputs": [item]}).encode(), data

    length = len(parts(1)[0])
    make = lambda part: b"".join((parts(part)[0].ljust(length), parts(part)[1]))  # noqa: E731 - short
    return HostileBody(name, V2, make, head=length, **more)  # type: ignore[arg-type]


def nested(value: bytes, depth: int) -> bytes:
    return b"[" * depth + value + b"]" * depth


FULL = MAX_VALUES
"""As many values as are accepted."""
ROWS = FULL // 4


def members(value: bytes, part: int) -> bytes:
    """Return the inside of an object of 400,000 names with this value each."""
    return b",".join(b'"%07d"%b' % (index, value) for index in range(400_000 // part))


def _long_strings(rows: int, length: int) -> Callable[[int], bytes]:
    """Return rows of short strings with one long one: NumPy would reserve the longest for each."""
    return lambda _: b'{"data": [["' + b"a" * length + b'","b","b","b"]' + b',["b","b","b","b"]' * rows + b"]}"


TOO_MANY = [
    HostileBody("16 MB of []", PREDICT, data(b"[]")),
    HostileBody('16 MB of {"a":1}', PREDICT, data(b'{"a":1}')),
    HostileBody("16 MB of rows [1,2,3,4]", PROBA, data(b"[1,2,3,4]")),
    HostileBody("16 MB of rows, the last too short", PREDICT, data(b"[1,2,3,4]", b"[1,2,3]")),
    HostileBody("16 MB of rows, null in the last", PREDICT, data(b"[1,2,3,4]", b"[1,2,3,null]")),
    HostileBody("16 MB of strings", PREDICT, data(b'"a"')),
    HostileBody("16 MB of strings that hold commas", PREDICT, data(b'"1,2,3,4,5,6,7,8"'), status=frozenset({400})),
    HostileBody("16 MB of NaN and objects (Python's JSON)", PREDICT, data(b'{"a":{}}', b'{"n":NaN}')),
    HostileBody("16 MB of texts", PREDICT, data(b'"a"'), model="texts"),
    HostileBody(
        "16 MB of rows for a model of columns", PREDICT, data(b'{"city":"Rome","age":1}', b"{}"), model="people"
    ),
    HostileBody(
        "CSV of a million columns",
        MLFLOW,
        lambda _: b",".join([b"c"] * 10**6) + b"\n" + b",".join([b"1"] * 10**6),
        content_type=CSV,
    ),
    HostileBody(
        "CSV of 16 MB of commas, in rows", MLFLOW, lambda _: b"a,b,c,d\n" + b",,,\n" * (SIZE // 4 - 2), content_type=CSV
    ),
    HostileBody("CSV of 16 MB of commas, in one line", MLFLOW, lambda _: b"," * (SIZE - 1), content_type=CSV),
    HostileBody("CSV of 16 MB of empty lines", MLFLOW, lambda _: b"a\n" + b"\n" * (SIZE - 2), content_type=CSV),
    HostileBody("CSV of 16 MB of quotes", MLFLOW, lambda _: b'"' * (SIZE - 1), content_type=CSV),
    HostileBody(
        "tensor of 300,000 inputs",
        V2,
        lambda _: b'{"inputs": [' + b'{"name":"i","shape":[1],"datatype":"FP64","data":[1]},' * 299_999 + b"{}]}",
    ),
    HostileBody(
        "tensor of 16 MB of nulls, 32 dimensions",
        V2,
        lambda _: tensor([1] * 31 + [3_000_000], "FP64", nested(b"null," * 2_999_999 + b"1", 32)),
    ),
    binary("tensor of 4 million empty BYTES", [1_000_000, 4], "BYTES", bytes(SIZE - 200)),
    binary("tensor of 16 million BOOL", [4_000_000, 4], "BOOL", b"\1" * 16_000_000),
    binary("tensor whose shape says a billion rows", [10**9, 4], "FP64", bytes(32)),
    binary("tensor whose shape says 10^18 rows", [10**18, 4], "FP64", bytes(32)),
    binary("tensor whose shape has a number of 300 digits", [2**31 - 1] * 32, "FP64", bytes(32)),
]
"""More values than are accepted, or announced."""

AT_THE_LIMIT = [
    HostileBody("a million []", PREDICT, data(b"[]", count=FULL)),
    HostileBody('a million {"a":1}', PREDICT, data(b'{"a":1}', count=FULL)),
    HostileBody("a million strings", PREDICT, data(b'"ab"', count=FULL)),
    HostileBody(
        "400,000 different names",
        PREDICT,
        lambda part: b'{"data": [[1,2,3,4]], "x": {%b}}' % members(b":1", part),
        status=ANSWERED,
    ),
    HostileBody(
        "an object of 400,000 names as a row", PREDICT, lambda part: b'{"data": [{%b}]}' % members(b":1", part)
    ),
    HostileBody("400,000 columns of one value", V1, lambda part: b'{"inputs": {%b}}' % members(b":[1]", part)),
    HostileBody(
        "the last of 400,000 names is a duplicate",
        V1,
        lambda part: b'{"inputs": {"a":[1]}, "x": {%b,"0":1,"0":1}}' % members(b":1", part),
    ),
    HostileBody(
        "a split of 400,000 columns",
        MLFLOW,
        lambda part: b'{"dataframe_split": {"columns": [%b], "data": [[1]]}}' % members(b"", part),
    ),
    HostileBody("a million numbers in rows of four", PROBA, data(b"[1,2,3,4]", count=ROWS), status=ANSWERED),
    HostileBody("the same, deflated", PROBA, data(b"[1,2,3,4]", count=ROWS), status=ANSWERED, coding="deflate"),
    HostileBody("the same, not compressed", PROBA, data(b"[1,2,3,4]", count=ROWS), status=ANSWERED, coding=""),
    HostileBody("the same with one NaN", PREDICT, data(b"[1,2,3,4]", b"[1,2,3,NaN]", count=ROWS)),
    HostileBody(
        "the same with NaN, for a model that takes it",
        PREDICT,
        data(b"[1,NaN,3,4]", count=ROWS),
        model="gaps",
        status=ANSWERED,
    ),
    HostileBody("the same with one null", PREDICT, data(b"[1,2,3,4]", b"[1,2,3,null]", count=ROWS)),
    HostileBody("the same, the last row too short", PREDICT, data(b"[1,2,3,4]", b"[1,2,3]", count=ROWS)),
    HostileBody("the same with one string", PREDICT, data(b"[1,2,3,4]", b'[1,2,3,"4"]', count=ROWS)),
    HostileBody(
        "16 MB of numbers of 17 digits",
        PREDICT,
        data(b"[0.12345678901234567,0.12345678901234567,0.12345678901234567,0.12345678901234567]", count=190_000),
        status=ANSWERED,
    ),
    HostileBody("16 MB of integers of 4,000 digits", PREDICT, data(b"9" * 4000)),
    HostileBody("16 MB of rows of integers of 4,000 digits and NaN", PREDICT, data(b"[" + b"9" * 4000 + b",NaN,1,2]")),
    HostileBody("one integer of 16 MB", PREDICT, lambda part: b'{"data": [[' + b"9" * ((SIZE - 20) // part) + b"]]}"),
    HostileBody("one string of 16 MB", PREDICT, lambda part: b'{"data": ["' + b"a" * ((SIZE - 20) // part) + b'"]}'),
    HostileBody(
        "one string of 16 MB of escapes",
        PREDICT,
        lambda part: b'{"data": ["' + rb"\u0041" * ((SIZE - 20) // 6 // part) + b'"]}',
    ),
    HostileBody("a key of 16 MB", PREDICT, lambda part: b'{"' + b"a" * ((SIZE - 20) // part) + b'": 1}'),
    HostileBody("16 MB of spaces", PREDICT, lambda part: b" " * (SIZE // part)),
    HostileBody("an array of a million brackets", PREDICT, lambda _: b'{"data": ' + nested(b"", 10**6) + b"}"),
    HostileBody(
        "the same and NaN (Python's JSON)", PREDICT, lambda _: b'{"n": NaN, "data": ' + nested(b"", 10**6) + b"}"
    ),
    HostileBody("one long string among short ones, 1.6 GB for NumPy", PREDICT, _long_strings(2000, 50_000)),
    HostileBody("the same, not compressed", PREDICT, _long_strings(2000, 50_000), coding=""),
    HostileBody(
        "a million strings for a model of numbers", MLFLOW, data(b'["a","b","c","d"]', count=ROWS, key=b"instances")
    ),
    HostileBody("a million texts", PREDICT, data(b'"a"', count=FULL), model="texts", status=ANSWERED),
    HostileBody(
        "a million texts, each in a list, the last a number", PREDICT, data(b'["a"]', b"[1]", count=FULL), model="texts"
    ),
    HostileBody(
        "500,000 rows by name for a model of columns",
        PREDICT,
        data(b'{"city":"Rome","age":1}', count=FULL // 2),
        model="people",
        status=ANSWERED,
    ),
    HostileBody(
        "the same, the last a number for a city",
        PREDICT,
        data(b'{"city":"Rome","age":1}', b'{"city":1,"age":1}', count=FULL // 2),
        model="people",
    ),
    HostileBody(
        "columns of 500,000 values for a model of columns",
        V1,
        lambda part: (
            b'{"inputs": {"city": [%b"x"], "age": [%b1]}}'
            % (b'"x",' * (500_000 // part - 1), b"1," * (500_000 // part - 1))
        ),
        model="people",
        status=ANSWERED,
    ),
    HostileBody(
        "a tensor of a million strings for numbers",
        V2,
        lambda part: tensor([ROWS // part - 9, 4], "FP64", b"[" + b'"a",' * (4 * (ROWS // part) - 37) + b'"a"]'),
    ),
    HostileBody(
        "a tensor of a million numbers",
        V2,
        lambda part: tensor([ROWS // part - 9, 4], "FP64", b"[" + b"1," * (4 * (ROWS // part) - 37) + b"1]"),
        status=ANSWERED,
    ),
    HostileBody(
        "a nested tensor of a million numbers",
        V2,
        lambda part: tensor([ROWS // part - 9, 4], "INT64", b"[" + b"[1,2,3,4]," * (ROWS // part - 10) + b"[1,2,3,4]]"),
        status=ANSWERED,
    ),
    HostileBody(
        "a tensor of 32 dimensions and a million nulls",
        V2,
        lambda part: tensor([1] * 31 + [10**6 // part], "FP64", nested(b"null," * (10**6 // part - 1) + b"1", 32)),
    ),
    HostileBody(
        "30,000 inputs of one value",
        V2,
        lambda part: (
            b'{"inputs": ['
            + b'{"name":"i","shape":[1],"datatype":"FP64","data":[1]},' * (30_000 // part - 1)
            + b'{"name":"i","shape":[1],"datatype":"FP64","data":[1]}]}'
        ),
    ),
    HostileBody(
        "200,000 outputs",
        V2,
        lambda part: (
            tensor([1, 4], "FP64", b"[1,2,3,4]")[:-1]
            + b', "outputs": ['
            + b'{"name":"predict"},' * (200_000 // part - 1)
            + b'{"name":"predict"}]}'
        ),
    ),
    binary("a million empty BYTES for numbers", [ROWS, 4], "BYTES", bytes(4 * FULL)),
    binary(
        "a million BYTES for a model of texts",
        [FULL],
        "BYTES",
        (struct.pack("<I", 1) + b"a") * FULL,
        model="texts",
        status=ANSWERED,
    ),
    binary("a million BOOL", [ROWS, 4], "BOOL", b"\1" * FULL, status=ANSWERED),
    binary("a million FP64", [ROWS, 4], "FP64", np.ones(FULL).tobytes(), status=ANSWERED),
    binary("BYTES of 4 GB, as they say", [1, 4], "BYTES", struct.pack("<I", 2**32 - 1) + b"abcd"),
    binary("a tensor of 32 dimensions", [1] * 31 + [4], "FP64", bytes(32)),
    binary("a negative size", [1, 4], "FP64", b"", size=-1),
    HostileBody(
        "CSV of a million numbers",
        MLFLOW,
        lambda part: b"a,b,c,d\n" + b"1,2,3,4\n" * (ROWS // part - 1),
        content_type=CSV,
        status=ANSWERED,
    ),
    HostileBody(
        "CSV of a million numbers, the last a word",
        MLFLOW,
        lambda part: b"a,b,c,d\n" + b"1,2,3,4\n" * (ROWS // part - 2) + b"1,2,3,x\n",
        content_type=CSV,
    ),
    HostileBody(
        "CSV of 500,000 columns",
        MLFLOW,
        lambda part: b",".join([b"c"] * (500_000 // part)) + b"\n" + b",".join([b"1"] * (500_000 // part)),
        content_type=CSV,
    ),
    HostileBody(
        "CSV of integers of 4,000 digits",
        MLFLOW,
        lambda part: b"a,b,c,d\n" + (b"9" * 4000 + b",1,2,3\n") * (4100 // part),
        content_type=CSV,
    ),
    HostileBody("CSV of one field of 16 MB", MLFLOW, lambda _: b"a,b,c,d\n" + b"9" * (SIZE - 20), content_type=CSV),
    HostileBody(
        "CSV of a million texts",
        MLFLOW,
        lambda part: b"text\n" + b'"a, b"\n' * (FULL // part - 1),
        content_type=CSV,
        model="texts",
        status=ANSWERED,
    ),
    HostileBody("gzip bomb of 1 GB", PREDICT, lambda _: bytes(1 << 30)),
    HostileBody("deflate bomb of 1 GB", PREDICT, lambda _: bytes(1 << 30), coding="deflate"),
    HostileBody("gzip of 16 MB of zeros", PREDICT, lambda part: bytes(SIZE // part)),
]
"""As many values as are accepted, or few values of any size."""

BODIES = [*TOO_MANY, *AT_THE_LIMIT]


class Probe:
    """Asks for `/health` every few milliseconds, and remembers the slowest answer."""

    def __init__(self, port: int) -> None:
        self._port, self._stop, self.slowest = port, threading.Event(), 0.0
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            try:
                connection.request("GET", "/health")
                connection.getresponse().read()
            except OSError:
                if self._stop.is_set():
                    return
            finally:
                connection.close()
            self.slowest = max(self.slowest, time.monotonic() - started)
            self._stop.wait(0.01)

    @contextmanager
    def asking(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


MAX_LEFT = 32 * MB
"""Bytes. A server to which earlier bodies have left more, in the allocator's arenas, is replaced by a new one."""


class Servers:
    """A server for each model, with its memory before the first request. Each starts when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, tuple[Server, int, ExitStack]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _, _, stack in self._running.values():
            stack.close()

    def of(self, model: str) -> tuple[Server, int]:
        """Return a server of this model, and the bytes of memory that it had when it became ready."""
        if model in self._running:
            server, idle, stack = self._running[model]
            if peak_memory(server.process.pid, "VmRSS") <= idle + MAX_LEFT:
                return server, idle
            stack.close()
        stack = ExitStack()
        server = stack.enter_context(running(save(model, self._folder), "--name", NAME))
        server.wait()
        idle = peak_memory(server.process.pid, "VmRSS")
        self._running[model] = server, idle, stack
        return server, idle


def peak_memory(pid: int, kind: str = "VmHWM") -> int:
    """Return the most resident memory that the process has ever had, in bytes; `VmRSS`: what it has now."""
    found = re.search(kind + r":\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def send(body: HostileBody, server: Server, idle: int) -> Cost:
    """Send the body and return its cost, where the server had `idle` bytes of memory before the first request."""
    port, pid = server.port, server.process.pid
    plain = body.make(1)
    wire = CODINGS[body.coding](plain)
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins again
    probe = Probe(port)
    with probe.asking():
        time.sleep(0.05)
        status, answer, seconds = answer_to(body, wire, port)
    return Cost(
        len(wire),
        len(plain),
        accounted(body, wire, plain),
        status,
        answer,
        seconds,
        peak_memory(pid) - idle,
        probe.slowest,
    )


def answer_to(body: HostileBody, wire: bytes, port: int) -> tuple[int, bytes, float]:
    """Send these bytes as the body; return the status, the answer, and how many seconds it took."""
    headers = {"Content-Type": body.content_type}
    if body.coding:
        headers["Content-Encoding"] = body.coding
    if body.head is not None:
        headers["Inference-Header-Content-Length"] = str(body.head)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    started = time.monotonic()
    connection.request("POST", body.path, wire, headers)
    response = connection.getresponse()
    answer = response.read()
    seconds = time.monotonic() - started
    connection.close()
    return response.status, answer, seconds


def accounted(body: HostileBody, wire: bytes, plain: bytes) -> int:
    """Return the memory that the server counts for the body. What is longer than allowed is not unpacked further."""
    unpacked = min(len(plain), SIZE)
    text = unpacked if body.head is None or body.coding else body.head
    return text * MEMORY_PER_TEXT_BYTE + (unpacked - text) + (len(wire) if body.coding else 0)
