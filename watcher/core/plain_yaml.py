"""Read users' YAML as plain values, and refuse what two readers of YAML understand differently. Pure.

The watcher reads these files with PyYAML, and Helm the same values with a Go library. Both agree on maps with text as
keys, lists, text, decimal numbers, booleans and null. Everything else is refused with its line: a value that silently
becomes another one is worse than a refusal.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any, NoReturn

import yaml

from watcher.core.text import one_line
from watcher.errors import Rejected

MAX_DEPTH = 32
"""Levels of maps and lists. Chart values have at most five; a few kilobytes of `[` would exhaust Python's stack."""

SHOWN = 60
"""Bytes of a key or a value that a refusal quotes."""

TAG = "tag:yaml.org,2002:"
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
"""Decimal, and at most 18 digits, which fit into 64 bits. To some readers `0777` is octal, and `1:30` is 90."""
FRACTION = re.compile(r"[-+]?([0-9]{1,18}(\.[0-9]{0,24})?|\.[0-9]{1,24})([eE][-+]?[0-9]{1,3})?")
EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
"""A number to Helm and in JSON, such as `1e-05`; PyYAML by itself reads it as text."""
NUMBER_ELSEWHERE = re.compile(
    r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?|0[xXoObB][0-9a-fA-F_]+)"
)
"""Text to PyYAML, such as `08`, `0o17`, `0X1F` and `-.5`, and a number to Helm."""

ALLOWED_CONTROLS = "\t\n\r"


class _Composer(yaml.SafeLoader):
    """Composes the nodes of a document. Aliases and tags leave no trace in the nodes, so they are refused here."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node, which is no alias, has no tag, and is not nested too deeply."""
        event = self.peek_event()  # type: ignore[no-untyped-call] # the stubs lack it
        if isinstance(event, yaml.AliasEvent):
            _refuse(event, "aliases (*name) are not allowed: write the value again")
        if event.tag is not None:
            _refuse(event, f"tags are not allowed, and '{_shown(event.tag)}' is one")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _refuse(event, f"nested more than {MAX_DEPTH} levels deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_Composer.add_implicit_resolver(f"{TAG}float", EXPONENT, list("-+0123456789"))


def load_map(text: bytes) -> dict[str, Any]:
    """Return the map in a YAML document; an empty document is an empty map.

    Raises:
        Rejected: `InvalidValues`, in one sentence with the line and the path.

    """
    value = load(text)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Rejected("InvalidValues", "expected a map, such as autoscaling: {maxReplicas: 3}")
    return value


def load(text: bytes) -> Any:
    """Return the value in a YAML document; None if it is empty.

    Raises:
        Rejected: as `load_map`.

    """
    try:
        node = yaml.compose(text.decode("utf-8-sig"), _Composer)
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise Rejected("InvalidValues", f"line {line}: not UTF-8 text: save the file as UTF-8") from error
    except yaml.reader.ReaderError as error:
        line = text.decode("utf-8-sig").count("\n", 0, error.position) + 1
        problem = f"the character U+{error.character:04X} is not allowed"
        raise Rejected("InvalidValues", f"line {line}: {problem}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise Rejected("InvalidValues", f"line {line}: not YAML: {one_line(problem, 200)}") from error
    return None if node is None else _value(node, "")


def _value(node: yaml.Node, path: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    read = SCALARS.get(node.tag.removeprefix(TAG))
    if read is None:
        _refuse(node, f"'{_shown(node.value)}' is not text, a number, true, false or null: quote it", path)
    return read(node, path)


def _mapping(node: yaml.MappingNode, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        key = _key(key_node, path)
        if key in lines:
            _refuse(key_node, f"the key is already in line {lines[key]}: remove one of them", _below(path, key))
        lines[key] = key_node.start_mark.line + 1
        found[key] = _value(value_node, _below(path, key))
    return found


def _key(node: yaml.Node, path: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        _refuse(node, "a key must be text, not a map or a list", path)
    kind = node.tag.removeprefix(TAG)
    if kind == "merge":
        _refuse(node, "merge keys (<<) are not allowed: write the values themselves", path)
    if kind != "str":
        _refuse(node, f"the key '{_shown(node.value)}' reads as {KINDS.get(kind, 'no text')}: quote it", path)
    return _text(node, path)


def _text(node: yaml.ScalarNode, path: str) -> str:
    if node.style is None and NUMBER_ELSEWHERE.fullmatch(node.value):
        problem = f"'{_shown(node.value)}' is text to some readers of YAML and a number to others"
        _refuse(node, f"{problem}: quote it, or write a plain number such as 1000", path)
    for character in node.value:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in ALLOWED_CONTROLS:
            _refuse(node, f"the character U+{ord(character):04X} is not allowed", path)
    return str(node.value)


def _integer(node: yaml.ScalarNode, path: str) -> int:
    if not INTEGER.fullmatch(node.value):
        problem = f"'{_shown(node.value)}' is not a decimal number of at most 18 digits"
        _refuse(node, f"{problem}: write it as one, or quote it", path)
    return int(node.value)


def _fraction(node: yaml.ScalarNode, path: str) -> float:
    number = float(node.value) if FRACTION.fullmatch(node.value) else math.nan
    if not math.isfinite(number):
        problem = f"'{_shown(node.value)}' is not a finite decimal number"
        _refuse(node, f"{problem}: write one such as 0.5, or quote it", path)
    return number


def _boolean(node: yaml.ScalarNode, _path: str) -> bool:
    # Helm reads yes, no, on and off as booleans too. Where text is expected, the schema refuses them.
    return bool(yaml.SafeLoader.bool_values[node.value.lower()])


def _date(node: yaml.ScalarNode, path: str) -> NoReturn:
    shown = _shown(node.value)
    _refuse(node, f'{shown} reads as a date: quote it: "{shown}"', path)


SCALARS: dict[str, Callable[[yaml.ScalarNode, str], Any]] = {
    "str": _text,
    "int": _integer,
    "float": _fraction,
    "bool": _boolean,
    "null": lambda _node, _path: None,
    "timestamp": _date,
}
"""The reader of each type that YAML gives to a scalar without quotes."""

KINDS = {"int": "a number", "float": "a number", "bool": "true or false", "null": "null", "timestamp": "a date"}


def _below(path: str, key: str) -> str:
    return f"{path}.{_shown(key)}" if path else _shown(key)


def _shown(text: str) -> str:
    return one_line(str(text), SHOWN)


def _refuse(where: Any, problem: str, path: str = "") -> NoReturn:
    place = f"line {where.start_mark.line + 1}: " + (f"{one_line(path, 200)}: " if path else "")
    raise Rejected("InvalidValues", place + problem)
