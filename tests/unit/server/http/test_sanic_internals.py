"""The contract with Sanic: the names that it does not document are still there, and one module alone uses them."""

from __future__ import annotations

import ast
import importlib.metadata
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sanic.headers import format_http1_response
from sanic.http import Http
from sanic.response import HTTPResponse
from sanic.server.protocols.http_protocol import HttpProtocol

from server.http import sanic_internals
from server.http.json_response import JSON, JsonResponse
from server.http.sanic_internals import HEADERS_OF_SANIC
from strict_http import sanic_connection
from strict_http.sanic_connection import Internal

ROOT = Path(__file__).parents[4]
MODULES = {
    ROOT / "server/http/sanic_internals.py": sanic_internals.INTERNALS,
    ROOT / "strict_http/sanic_connection.py": sanic_connection.INTERNALS,
}
INTERNALS = tuple(itertools.chain.from_iterable(MODULES.values()))
OTHERS = [
    *(ROOT / "server/app.py", ROOT / "watcher/web.py"),
    *(path for room in ("server/http", "strict_http") for path in (ROOT / room).rglob("*.py") if path not in MODULES),
]
SANIC = importlib.metadata.version("sanic")

PUBLIC_TOO = {
    "exception",  # a decorator of the application
    "http",  # the name of a package
    "response",  # the name of a module
    "read",  # of a request's stream
    "request",
    "check_timeouts",
    "close_if_idle",
    "processed_headers",
}
"""Names that are also documented names, or are overridden where the override belongs."""


@pytest.mark.parametrize("internal", INTERNALS, ids=lambda it: f"{it.owner.__name__}.{it.name}")
def test_internal_name_is_still_sanics(internal: Internal) -> None:
    assert hasattr(internal.owner, internal.name), (
        f"Sanic {SANIC} has no {internal.owner.__name__}.{internal.name} ({internal.use}): "
        "adapt the module that lists it in INTERNALS, then the version in pyproject.toml"
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_internals_lists_every_private_attribute_that_the_module_uses(path: Path) -> None:
    private = {name for name, _ in attributes(path) if name.startswith("_")} - own_names(path)
    assert private == {it.name for it in MODULES[path] if it.name.startswith("_")}


def test_internals_are_all_used() -> None:
    used = {name for path in (*MODULES, *OTHERS) for name, _ in attributes(path)}
    used.add("HTTP_CLASS")  # assigned in a class
    overridden = set(re.findall(r"def (\w+)\(", "".join(path.read_text() for path in (*MODULES, *OTHERS))))
    assert [it.name for it in INTERNALS if it.name not in used | overridden] == []


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_internals_are_used_by_their_modules_alone(path: Path) -> None:
    listed = {it.name for it in INTERNALS} - PUBLIC_TOO
    assert [f"line {line}: {name}" for name, line in attributes(path) if name in listed] == []


def own_names(path: Path) -> set[str]:
    """Return the private names that the file's own classes define: methods and slots."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        if isinstance(node, ast.Assign) and "__slots__" in ast.dump(node.targets[0]):
            found |= {item.value for item in ast.walk(node.value) if isinstance(item, ast.Constant)}
    return found - {it.name for it in INTERNALS}


def attributes(path: Path) -> Iterator[tuple[str, int]]:
    """Every attribute that the file's code reads or writes, and its line; not those of `super()`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Call) and "super" in ast.dump(node.value)
        ):
            yield node.attr, node.lineno


def test_sanic_is_pinned_to_the_tested_minor() -> None:
    (wanted,) = set(re.findall(r'"(sanic>[^"]+)"', (ROOT / "pyproject.toml").read_text()))
    major, minor = SANIC.split(".")[:2]
    assert wanted == f"sanic>={major}.{minor},<{major}.{int(minor) + 1}"


@pytest.mark.parametrize(("status", "connection"), [*itertools.product((200, 400), ("keep-alive", "close"))])
def test_json_response_head_is_that_of_sanics_own_response(status: int, connection: str) -> None:
    heads = []
    responses: list[Any] = [JsonResponse(b"{}", status), HTTPResponse(b"{}", status, content_type=JSON)]
    for response in responses:
        response.headers["content-length"], response.headers["connection"] = 2, connection
        assert len(response.headers) == HEADERS_OF_SANIC
        heads.append(sorted(format_http1_response(status, response.processed_headers).split(b"\r\n")))
    assert heads[0] == heads[1]


def test_json_response_with_another_header_sends_it() -> None:
    response: Any = JsonResponse(b"{}")
    response.headers.update({"retry-after": "1", "content-length": 2, "connection": "close"})
    assert (b"retry-after", b"1") in response.processed_headers


def test_connection_before_its_first_request_does_not_await_one() -> None:
    connection: Any = object.__new__(sanic_connection.StrictConnection)
    assert issubclass(sanic_connection.StrictConnection, HttpProtocol)
    assert connection.http is None
    assert connection.awaits_request() is False


def test_max_head_size_is_sanics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Http, "HEADER_MAX_SIZE", 77)
    assert sanic_connection.max_head_size() == 77
