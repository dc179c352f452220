"""Load a model as the server would, and print how, and what it takes: `python -m server.check FILE`."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from server import cpu_limit, packages
from server.errors import ModelError, first_line
from server.paths import INPUT_EXAMPLE, PACKAGES
from server.text import one_line

if TYPE_CHECKING:
    from server.model.loader import LoadedModel
    from server.schema import Schema

ADDRESS = "http://127.0.0.1:8080"
MAX_COLUMNS = 50
MAX_CATEGORIES = 6
MAX_BODY = 2000
"""Characters. The example request of a model with thousands of features fills no terminal."""

FORMS = {
    "matrix": "rows of numbers",
    "dataframe": "a DataFrame of named columns",
    "objects": "rows of values that may be strings",
    "texts": "one string for each row",
    "dicts": "one object for each row",
    "tokens": "one list of strings for each row",
    "as_sent": "as the client sends it: objects by name become a DataFrame, lists stay lists",
}


def main(arguments: list[str] | None = None) -> int:
    """Print what the model takes and return 0, or print why it cannot be served and return 1."""
    parser = argparse.ArgumentParser(prog="kubeserve check", description="Load a model as the server would.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--load", choices=("auto", "data", "code"), default="auto", help="as the server's --load")
    parser.add_argument("--example", type=Path, help=f"instead of the {INPUT_EXAMPLE} next to the model")
    parser.add_argument("--output", choices=("text", "json"), default="text", help="for people, or JSON")
    given = parser.parse_args(arguments)
    cpu_limit.limit_threads(cpu_limit.cpu_limit())  # before NumPy, as the server does
    notes = collected_logs()
    if given.load != "data" and (brought := given.file.parent / PACKAGES).is_dir():
        packages.use(brought)
    try:
        if given.output == "json":
            found = facts(given.file, given.example, given.load)
            sys.stdout.write(json.dumps({**found, "notes": list(dict.fromkeys(notes))}) + "\n")
            return 0
        for line in checked(given.file, given.example, given.load):
            sys.stdout.write(f"{line}\n")
    except ModelError as error:
        return failed(*_reason_and_cause(error, given.file), given.output)
    except ModuleNotFoundError as error:
        reason = f"the packages of the server are not installed: pip install 'kubeserve[server]' ({error})"
        return failed(reason, "no_packages", given.output)
    except Exception as error:  # noqa: BLE001 - whatever a model raises is one line for its owner
        reason = f"the model cannot be described: {type(error).__name__}: {first_line(error)}"
        return failed(reason, "model", given.output)
    for note in dict.fromkeys(notes):
        sys.stdout.write(f"note       {note}\n")
    return 0


def failed(reason: str, cause: str, output: str) -> int:
    """Print why the model cannot be served, in words or with the `cause` for programs."""
    if output == "json":
        found = {"servable": False, "reason": one_line(reason), "cause": cause}
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stderr.write(f"cannot be served: {one_line(reason)}\n")
    return 1


def _reason_and_cause(error: ModelError, file: Path) -> tuple[str, str]:
    """Return why a model cannot be served. The cause is `needs_code` if it may load as code, and `model` if not."""
    from server.model.load_policy import NotDataError  # noqa: PLC0415 - imports NumPy, which may be missing
    from server.model.never_served import never_served  # noqa: PLC0415 - as above

    if not (isinstance(error, NotDataError) and error.readable):
        return str(error), "model"
    reason = never_served(file)
    return (reason, "model") if reason else (str(error), "needs_code")


def facts(file: Path, example: Path | None, way: str) -> dict[str, Any]:
    """Return for programs what the lines say of a model.

    Raises:
        ModelError: the server would not serve it.

    """
    from server.inputs.columns import columns_of  # noqa: PLC0415 - imports NumPy, which may be missing
    from server.model.load_policy import LoadPolicy  # noqa: PLC0415 - as above
    from server.model.loader import load  # noqa: PLC0415 - as above
    from server.protocols.json_answer import encode_json  # noqa: PLC0415 - as above

    model = load(file, example=example, policy=LoadPolicy(way))
    schema = model.schema
    columns = zip(schema.columns, columns_of(schema, len(schema.columns)), strict=True)
    path, body = _example(schema, model.library)
    return {
        "servable": True,
        "loaded": model.loaded,
        "needs_code": model.needs_code,
        "families": list(model.families),
        "library": model.library,
        "saved_by": model.saved_by,
        "input": schema.form,
        "evidence": schema.evidence,
        "columns": [{"name": name, "kind": column.kind, "dtype": column.dtype} for name, column in columns],
        "missing": schema.allows_missing,
        "methods": sorted(schema.methods),
        "request": {"path": path, "body": json.loads(encode_json(body))},
    }


def collected_logs() -> list[str]:
    """Return a list that receives the log lines from now on, as text for people."""
    notes: list[str] = []

    def collect(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
        details = [str(value) for name, value in event.items() if name != "event" and value]
        notes.append(one_line(": ".join([str(event["event"]), *details])))
        raise structlog.DropEvent

    structlog.configure(processors=[collect], cache_logger_on_first_use=False)
    return notes


def checked(file: Path, example: Path | None, way: str = "auto") -> Iterator[str]:
    """Yield lines about the model. With `data` nothing of the file is run, so that it is not compared with its code.

    Raises:
        ModelError: the server would not serve it.

    """
    from server.model.load_policy import LoadPolicy  # noqa: PLC0415 - imports NumPy, which may be missing
    from server.model.loader import load  # noqa: PLC0415 - as above

    model = load(file, example=example, policy=LoadPolicy(way))
    yield f"{file} can be served."
    yield f"loaded     {_loaded(model)}"
    if model.loaded == LoadPolicy.DATA and way == LoadPolicy.AUTO:
        yield f"compared   {_compared(model, file, example)}"
    yield from described(model)


def _loaded(model: LoadedModel) -> str:
    """Return how the model was loaded, and by which families, or why not as data."""
    if model.families:
        return f"as data: {', '.join(model.families)}"
    return f"as code: {model.needs_code}" if model.needs_code else "as code"


def _compared(model: LoadedModel, file: Path, example: Path | None) -> str:
    """Return what differs between the model as data and as code."""
    from server.model.two_ways import differences  # noqa: PLC0415 - as above

    if not importlib.util.find_spec("sklearn"):
        return "no: scikit-learn is not installed"
    try:
        found = differences(model, file, example)
    except ModelError as error:
        return f"no, it does not load as code: {one_line(str(error))}"
    return f"as code it differs: {', '.join(found)}" if found else "as code it gives the same bits"


def described(model: LoadedModel) -> Iterator[str]:
    """Yield a line for each thing that a client or the model's owner should know."""
    schema = model.schema
    yield f"library    {model.library}" + (f", saved by {model.saved_by}" if model.saved_by != model.library else "")
    dtype = f" ({schema.dtype})" if schema.form == "matrix" else ""
    yield f"input      {FORMS[schema.form]}{dtype}"
    yield f"evidence   {schema.evidence}"
    yield from _columns(schema)
    yield f"missing    {'null is taken' if schema.allows_missing else 'null is refused'}"
    yield f"methods    {', '.join(sorted(schema.methods))}"
    answered = sorted(schema.example_answers)
    yield f"answered   {', '.join(answered) if answered else 'nothing: an invented row did not suit the model'}"
    yield f"request    {_request(schema, model.library)}"


def _columns(schema: Schema) -> Iterator[str]:
    """Yield a line for each column; of a matrix without names their number."""
    from server.inputs.columns import columns_of  # noqa: PLC0415 - as above

    if not schema.columns:
        return
    if not schema.names and not schema.kinds:
        yield f"columns    {len(schema.columns)} without names"
        return
    columns = columns_of(schema, len(schema.columns))
    for index, (name, column) in enumerate(zip(schema.columns, columns, strict=True)):
        if index == MAX_COLUMNS:
            yield f"           … and {len(columns) - MAX_COLUMNS} more"
            return
        words = [column.kind if column.kind != "any" else "not known", column.dtype, _listed(column.categories)]
        words.append("need not be sent" if name in schema.unused else "")
        yield f"{'' if index else 'columns':10} {one_line(name)}: {', '.join(word for word in words if word)}"


def _listed(categories: tuple[Any, ...]) -> str:
    shown = " | ".join(one_line(str(value)) for value in categories[:MAX_CATEGORIES])
    return f"{shown} | …" if len(categories) > MAX_CATEGORIES else shown


def _request(schema: Schema, library: str) -> str:
    """Return a command that sends the example, as the documentation of the API shows it."""
    from server.protocols.json_answer import encode_json  # noqa: PLC0415 - as above

    path, example = _example(schema, library)
    body = encode_json(example).decode().replace("'", "'\\''")
    if len(body) > MAX_BODY:
        body = f"{body[:MAX_BODY]}…"
    return f"curl {ADDRESS}{path} -H 'Content-Type: application/json' -d '{body}'"


def _example(schema: Schema, library: str) -> tuple[str, Any]:
    """Return the path and the body of a request, as the documentation of the API shows it."""
    from server.protocols.openapi import document  # noqa: PLC0415 - as above

    posts = (
        (path, each["post"]) for path, each in document(schema, "model", "", library)["paths"].items() if "post" in each
    )
    preferred = f"/{schema.main_method}"
    path, post = min(posts, key=lambda found: found[0] != preferred)
    return path, post["requestBody"]["content"]["application/json"]["example"]


if __name__ == "__main__":
    sys.exit(main())
