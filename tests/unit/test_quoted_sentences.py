"""The sentences that the README quotes are sentences that the code writes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
FEW = 12
NOTHING = r"(?!)"
TROUBLESHOOTING = README.partition("## Troubleshooting")[2]


def quotes() -> list[str]:
    """Return what users see: the code in the first column of the troubleshooting table, in parts around each `…`."""
    rows = [line.split(" | ")[0] for line in TROUBLESHOOTING.splitlines() if line.startswith("| ")][2:]
    shown = [code for row in rows for code in re.findall(r"`([^`]+)`", row) if not code.startswith("kubeserve status")]
    return [part.strip() for code in shown for part in code.split("…") if part.strip()]


@pytest.mark.parametrize("quote", quotes())
def test_readme_quotes_only_what_the_code_writes(quote: str) -> None:
    assert any(quote in text or pattern.search(quote) for text, pattern in texts()), f"no code writes: {quote}"


def test_quotes_are_found_in_the_readme() -> None:
    assert {"Rejected", "the secret key is wrong"} <= set(quotes())


@cache
def texts() -> list[tuple[str, re.Pattern[str]]]:
    """Return every text in the code of the two programs, with a pattern in which each `{…}` of an f-string is open."""
    found = []
    for folder in ("watcher", "server"):
        for path in (ROOT / folder).rglob("*.py"):
            for parts in strings(ast.parse(path.read_text())):
                literal = "".join(part for part in parts if part is not None)
                # A pattern with few letters of its own, such as `{a}: {b}`, would match everything.
                pattern = ".+".join(map(re.escape, merged(parts))) if len(literal) > FEW else NOTHING
                found.append((literal, re.compile(pattern)))
    return found


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
