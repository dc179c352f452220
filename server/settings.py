"""Every setting of a model's server, once: its name, type, default and meaning.

Each field is a flag (`--batch-rows`) and an environment variable (`KUBESERVE_SERVER_BATCH_ROWS`); the README's table is
written from this file.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

PREFIX = "KUBESERVE_SERVER_"

YES = ("true", "1", "yes", "on")
NO = ("false", "0", "no", "off")


def setting(doc: str, default: Any = MISSING, minimum: float | None = None) -> Any:
    """Declare a field with its documentation and its least value."""
    return field(default=default, metadata={"doc": doc, "minimum": minimum})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of `python -m server`."""

    model: Path = setting("Path of model.joblib.")  # noqa: RUF009 - a dataclass field
    host: str = setting(
        "Address to listen on. `::` means every address, IPv6 and IPv4; without IPv6 in the kernel every IPv4 address.",
        "::",
    )
    port: int = setting("Port to listen on.", 8080)
    name: str = setting("The model's name in answers and metrics.", "model")
    version: str = setting("The model's version in answers and metrics.", "")
    max_body_size: int = setting(
        "Largest request body in bytes: ten thousand rows of a hundred features as JSON.", 16 * 1024 * 1024, 8192
    )
    body_memory: int = setting(
        "Bytes that the bodies of all requests without an answer may take together; a request "
        "beyond them gets 503 with Retry-After. Bodies below 64 KB are not counted.",
        64 * 1024 * 1024,
        1,
    )
    batch_rows: int = setting(
        "Most rows of several requests predicted together; 1: none are. By 1024 the cost of a call is spread thin for "
        "every family measured; beyond, the first of a batch would only wait for the last.",
        1024,
        1,
    )
    queue_rows: int = setting(
        "Rows that may wait; a request beyond them gets 503 with Retry-After. 32768 rows of a hundred features take "
        "26 MB of memory.",
        32768,
        1,
    )
    deadline: float = setting(
        "Seconds that a request may wait for its prediction, then 503 with Retry-After; at once where the queue is "
        "known to take longer. Shorter than the patience of clients: 30 s and more are usual.",
        10.0,
        0.0,
    )
    inline: float = setting(
        "Seconds. What is expected to take longer is predicted in a thread, so that health and metrics answer "
        "meanwhile; the way there and back costs 0.1 ms.",
        0.002,
        0.0,
    )
    threads: int = setting(
        "Threads of BLAS and OpenMP; 0: as many as the container's CPU limit allows, whatever the host has.", 0, 0
    )
    direct: bool = setting("Evaluate known estimators directly where that gives scikit-learn's very bits.", True)
    fast_path: bool = setting(
        "Answer plain requests for short predictions directly from the received bytes; off: Sanic answers all.", True
    )
    drift: bool = setting("Sum up inputs by feature and predictions by class for the metrics.", True)
    drain_seconds: float = setting("On SIGTERM answer for this long before the stop; 0: stop at once.", 0.0, 0.0)
    stop_with_stdin: bool = setting("Stop when standard input ends.", False)


def read(arguments: list[str] | None = None) -> Settings:
    """The settings by flags, else by environment, else as declared; ends the process with a line if they are wrong."""
    parser = argparse.ArgumentParser(prog="python -m server", description="Serve one joblib model over HTTP.")
    for each in fields(Settings):
        _add(parser, each)
    found = parser.parse_args(arguments)
    for each in fields(Settings):
        least = each.metadata["minimum"]
        if least is not None and getattr(found, each.name) < least:
            parser.error(f"{flag(each)} must be at least {least:g}")
    return Settings(**vars(found))


def flag(each: Field[Any]) -> str:
    return "--" + each.name.replace("_", "-")


def variable(each: Field[Any]) -> str:
    return PREFIX + each.name.upper()


def _add(parser: argparse.ArgumentParser, each: Field[Any]) -> None:
    kind = KINDS[str(each.type)]
    required = each.default is MISSING
    default = os.environ.get(variable(each)) or (None if required else each.default)
    text = f"{each.metadata['doc']} [env: {variable(each)}]".replace("%", "%%")
    if kind is not _boolean:
        # A string from the environment goes through `type` as a flag's does.
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
