"""Every setting of a model's server: its name, type, default, minimum and help text, in one place.

Each field is a flag (`--batch-rows`) and an environment variable (`KUBESERVE_SERVER_BATCH_ROWS`). The table in
docs/reference.md is generated from this file.
"""

from __future__ import annotations

import argparse
import math
import os
import re
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from server.text import clean

PREFIX = "KUBESERVE_SERVER_"

YES = ("true", "1", "yes", "on")
NO = ("false", "0", "no", "off")


NAME = r"[A-Za-z_][A-Za-z0-9_]*"
CODE_ALLOW = rf"( *(known|{NAME}([.]{NAME})+) *(,|$))*"
"""A regular expression, which the schema of the chart has too: the word `known`, and full names."""


def setting(
    doc: str,
    default: Any = MISSING,
    minimum: float | None = None,
    choices: tuple[str, ...] = (),
    form: tuple[str, str] = ("", ""),
) -> Any:
    """Return a dataclass field with its help text, its smallest allowed value and its allowed words.

    `form` is a regular expression that the value must match, and what is expected, in words.
    """
    return field(default=default, metadata={"doc": doc, "minimum": minimum, "choices": choices, "form": form})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of `python -m server`."""

    model: Path = setting("Path of the model.joblib to serve.")  # noqa: RUF009 - a dataclass field
    host: str = setting(
        "Address to listen on. `::` means every address, IPv6 and IPv4; without IPv6 in the kernel every IPv4 address.",
        "::",
    )
    port: int = setting("Port to listen on.", 8080)
    fd: int = setting(
        "Descriptor of a listening socket (TCP or Unix) to use instead of address and port; -1: none.", -1, -1
    )
    packages: str = setting(
        "Folder of the packages that requirements.txt brought. Empty: `packages` beside the model.", ""
    )
    name: str = setting("The model's name in URLs, answers and metrics.", "model")
    version: str = setting("The model's version in answers and metrics.", "")
    max_body_size: int = setting(
        "Maximum request body in bytes. The default holds ten thousand rows of a hundred features as JSON.",
        16 * 1024 * 1024,
        8192,
    )
    max_values: int = setting(
        "Maximum number of values in one request: numbers, strings, nulls, empty lists. They are counted in the "
        "bytes before any is made, because a value of two bytes may take two hundred in memory. A request with more "
        "gets 413. The default holds ten thousand rows of a hundred features with their names.",
        1024 * 1024,
        1,
    )
    body_memory: int = setting(
        "Maximum memory for the bodies of all unanswered requests, in bytes, counted as they arrive. A byte of JSON or "
        "CSV counts as 10, which is about what its parsed form takes; a byte of a binary tensor, or of a body up to "
        "64 KB, as 1. A request that would exceed it is rejected with 503 and Retry-After; a single body above 64 KB "
        "is always accepted, and smaller ones do not wait for larger ones.",
        512 * 1024 * 1024,
        1,
    )
    answer_memory: int = setting(
        "Maximum memory for answers above 64 KB that their clients have not read yet, in bytes. A request whose answer "
        "would exceed it gets 503 and Retry-After; one alone is always accepted.",
        256 * 1024 * 1024,
        1,
    )
    max_connections: int = setting(
        "Maximum open connections. Beyond it the connections that have been idle longest are closed for new ones; if "
        "none is idle, a request with a body gets 503 and Retry-After, and GET is answered: health checks and metrics. "
        "Lowered at the start if the process may not open as many files.",
        1000,
        1,
    )
    head_timeout: float = setting("Maximum time for a request's head to arrive, in seconds; then 408.", 10.0, 0.1)
    body_timeout: float = setting(
        "Maximum time for a request's body to arrive, in seconds; then 408. A body that arrives at --min-rate or "
        "faster may take as long as it needs.",
        60.0,
        0.1,
    )
    answer_timeout: float = setting(
        "Maximum time for a client to read its answer, in seconds; then the connection is closed. A client that reads "
        "at --min-rate or faster may take as long as it needs.",
        60.0,
        0.1,
    )
    min_rate: int = setting(
        "Bytes per second at which bodies and answers may exceed their timeouts. The default is 0.5 Mbit/s.", 65536, 1
    )
    batch_rows: int = setting(
        "Maximum rows per batch; 1 disables batching. Above 1024 the per-call overhead is already negligible, and "
        "larger batches only add latency.",
        1024,
        1,
    )
    queue_rows: int = setting(
        "Maximum rows in the queue. A request that would exceed it is rejected immediately with 503 and Retry-After. "
        "32768 rows of a hundred features take 26 MB of memory.",
        32768,
        1,
    )
    deadline: float = setting(
        "Maximum time in the queue, in seconds. A request that would exceed it is rejected immediately with 503 and "
        "Retry-After. Keep it below your clients' timeout (often 30 s).",
        10.0,
        0.0,
    )
    inline: float = setting(
        "Maximum duration of a prediction on the event loop, in seconds. A prediction expected to take longer runs in "
        "a thread, so that health checks and metrics are answered meanwhile; that costs it 0.1 ms.",
        0.002,
        0.0,
    )
    threads: int = setting(
        "Threads of BLAS and OpenMP; 0: as many as the container's CPU limit allows, not as many as the host has.", 0, 0
    )
    extra_columns: str = setting(
        "What to do with columns by name that the model does not know: `refuse` answers 400 and names them, `ignore` "
        "leaves them out. `auto` refuses them where the model reads all of its columns, and leaves them out where it "
        "drops some of its own. A model that does not say what it takes gets all columns.",
        "auto",
        choices=("auto", "refuse", "ignore"),
    )
    load: str = setting(
        "How to load the model: `data` reads it and runs nothing that the file names, and refuses a model of which a "
        "part is not known as data; `code` loads it by joblib, which runs what the file names; `auto` reads it as data "
        "where that is possible, and loads it as code otherwise. Only `data` protects against hostile files.",
        "auto",
        choices=("auto", "data", "code"),
    )
    code_allow: str = setting(
        "What a model that is loaded as code may name: full names of classes and functions, with commas between them; "
        "`known` stands for those of the usual libraries. A file that names anything else is refused before that is "
        "imported. Empty: anything, such as your own classes. It is a tripwire: only `--load data` protects against "
        "hostile files.",
        "",
        form=(CODE_ALLOW, "'known', or full names of classes such as my_package.steps.Cleaner, not of modules"),
    )
    direct: bool = setting(
        "Evaluate known estimators without scikit-learn's validation, where the answers are equal bit by bit.", True
    )
    fast_path: bool = setting(
        "Answer plain requests for short predictions directly from the received bytes; off: Sanic answers all.", True
    )
    drift: bool = setting(
        "Export statistics of the inputs by feature and of the predictions by class, to detect drift.", True
    )
    drain_seconds: float = setting(
        "Seconds to keep answering after SIGTERM before the server stops; 0: stop immediately.", 0.0, 0.0
    )
    stop_with_stdin: bool = setting("Stop when standard input ends.", False)


def parse(arguments: list[str] | None = None) -> Settings:
    """Return the settings: flags win over the environment, which wins over the defaults.

    A wrong setting ends the process with one line.
    """
    parser = argparse.ArgumentParser(prog="python -m server", description="Serve one joblib model over HTTP.")
    for each in fields(Settings):
        _add(parser, each)
    found = parser.parse_args(arguments)
    for each in fields(Settings):
        minimum, value = each.metadata["minimum"], getattr(found, each.name)
        if minimum is not None and not (minimum <= value < math.inf):  # written so that NaN is refused
            parser.error(f"{flag(each)} must be a number of at least {minimum:g}")
        # Not argparse's own check: it does not look at a default, here the environment's.
        if each.metadata["choices"] and value not in each.metadata["choices"]:
            parser.error(f"{flag(each)} is '{value}'; it can be {', '.join(each.metadata['choices'])}")
        form, expected = each.metadata["form"]
        if form and not re.fullmatch(form, value):
            parser.error(f"{flag(each)} is '{clean(value)}': expected {expected}")
    return Settings(**vars(found))


def flag(each: Field[Any]) -> str:
    """Return the field's flag, `--batch-rows`."""
    return "--" + each.name.replace("_", "-")


def variable(each: Field[Any]) -> str:
    """Return the field's environment variable, `KUBESERVE_SERVER_BATCH_ROWS`."""
    return PREFIX + each.name.upper()


def _add(parser: argparse.ArgumentParser, each: Field[Any]) -> None:
    kind = KINDS[str(each.type)]  # a string already, as all annotations here are
    required = each.default is MISSING
    # An empty environment variable counts as unset.
    default = os.environ.get(variable(each)) or (None if required else each.default)
    text = f"{each.metadata['doc']} [env: {variable(each)}]".replace("%", "%%")
    if kind is not _boolean:
        # argparse passes a default that is a string, here the environment's, through `type` like a flag's value.
        parser.add_argument(flag(each), type=kind, default=default, required=required and default is None, help=text)
        return
    try:
        chosen = _boolean(default) if isinstance(default, str) else default
    except ValueError as error:
        parser.error(f"{variable(each)} is {error}")
    parser.add_argument(flag(each), action=argparse.BooleanOptionalAction, default=chosen, help=text)


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in (*YES, *NO):
        raise ValueError(f"'{text}'; it can be {', '.join((*YES, *NO))}")
    return word in YES


KINDS: dict[str, Any] = {"Path": Path, "str": str, "int": int, "float": float, "bool": _boolean}
