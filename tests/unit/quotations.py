"""What the documents quote, and what the code, the charts and the Makefile contain. For `test_quoted_sentences.py`."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import server.settings
import watcher.settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    ROOT / "README.md",
    *(ROOT / "docs" / name for name in ("operations.md", "architecture.md", "reference.md")),
)
PROGRAMS = ("kubeserve", "watcher", "server", "requirements_txt", "strict_http")
CHARTS = ROOT / "manifests" / "charts"
GENERATED = re.compile(r"<!-- [\w-]+: written by.*?<!-- /[\w-]+ -->", re.DOTALL)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FEW = 12
NOTHING = r"(?!)"


def text_of(path: Path) -> str:
    """Return a document without the sections that `make docs` writes."""
    return GENERATED.sub("", path.read_text())


def quotes(path: Path) -> list[str]:
    """Return the code spans of a document, outside of its blocks. A span may go on in the next line."""
    spans = re.findall(r"`([^`]+)`", BLOCK.sub("", text_of(path)))
    return sorted({" ".join(span.split()) for span in spans})


def blocks(path: Path, *languages: str) -> list[str]:
    """Return the blocks of code in these languages."""
    return [text for language, text in BLOCK.findall(text_of(path)) if language in languages]


@cache
def texts() -> list[tuple[str, re.Pattern[str]]]:
    """Return every text in the code of the two programs, with a pattern in which each `{…}` of an f-string is open."""
    found = []
    for tree in trees(*PROGRAMS):
        for parts in strings(tree):
            literal = "".join(part for part in parts if part is not None)
            # A pattern with few letters of its own, such as `{a}: {b}`, would match everything.
            pattern = ".+".join(map(re.escape, merged(parts))) if len(literal) > FEW else NOTHING
            found.append((literal, re.compile(pattern)))
    return found


@cache
def words() -> frozenset[str]:
    """Return every string constant of the code that is one word, and every key of the charts."""
    found = {text for text, _ in texts() if " " not in text}
    return frozenset(found | {part for path in chart_values() for part in path.split(".")})


@cache
def trees(*folders: str) -> tuple[ast.Module, ...]:
    """Return the syntax trees of the modules in these folders."""
    return tuple(ast.parse(path.read_text()) for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))


def strings(tree: ast.AST) -> Iterator[list[str | None]]:
    """Yield each string that is not a docstring, as its literal parts and None for each value filled in."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield [part.value if isinstance(part, ast.Constant) else None for part in node.values]  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield [node.value]


def merged(parts: list[str | None]) -> list[str]:
    """Return the literal parts between the values, empty ones included."""
    joined = [""]
    for part in parts:
        if part is None:
            joined.append("")
        else:
            joined[-1] += part
    return joined


@cache
def routes() -> frozenset[str]:
    """Return the paths of both programs as their decorators have them, with `{}` for each variable part."""
    decorators = [
        decorator
        for tree in trees(*PROGRAMS)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for decorator in node.decorator_list
    ]
    return frozenset(
        re.sub(r"<\w+>", "{}", str(argument.value))
        for call in decorators
        if isinstance(call, ast.Call)
        for argument in call.args
        if isinstance(argument, ast.Constant) and str(argument.value).startswith("/")
    )


@cache
def flags() -> frozenset[str]:
    """Return the flags of both programs and of their subcommands."""
    settings = [*fields(watcher.settings.Settings), *fields(server.settings.Settings)]
    named = {f"--{field.name.replace('_', '-')}" for field in settings}
    switches = {f"--no-{field.name.replace('_', '-')}" for field in settings if isinstance(field.default, bool)}
    return frozenset(named | switches | {text for text, _ in texts() if re.fullmatch(r"--?[a-z]+", text)})


@cache
def chart_values() -> frozenset[str]:
    """Return the dotted paths of the values of both charts, and of the model's chart below `modelValues`."""
    model, watcher_chart = (
        set(paths_in(json.loads((CHARTS / name / "values.schema.json").read_text())))
        for name in ("model-serving", "kubeserve")
    )
    return frozenset(model | watcher_chart | {f"modelValues.{path}" for path in model})


def paths_in(schema: Any, prefix: str = "", definitions: Any = None) -> Iterator[str]:
    """Yield the dotted path of each property of a schema, with those of its definitions."""
    definitions = definitions or schema.get("definitions", {})
    referred = definitions.get(schema.get("$ref", "").rpartition("/")[2], {})
    for name, part in {**referred, **schema}.get("properties", {}).items():
        yield prefix + name
        yield from paths_in(part, f"{prefix}{name}.", definitions)


@cache
def manifests() -> str:
    """Return the text of the charts' templates and objects, with their values."""
    return "\n".join(path.read_text() for path in sorted(CHARTS.rglob("*")) if path.suffix in {".yaml", ".tpl", ".txt"})
