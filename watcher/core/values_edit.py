"""Change single values at the top of a values.yaml, and leave every other character as its author wrote it. Pure.

PyYAML says where each key and value stands. A library that writes the whole file again would drop the comments below a
removed key, and change its layout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from watcher.core.plain_yaml import load_map
from watcher.errors import Rejected

Pair = tuple[yaml.ScalarNode, yaml.Node]


def edited(text: bytes, changes: Mapping[str, Any]) -> bytes:
    """Return the file with keys set to a value of JSON, or removed (None).

    Raises:
        Rejected: `InvalidValues`, the file is not one that the watcher reads, or has a form that is not edited here.

    """
    expected = load_map(text)
    found = text.decode("utf-8-sig")
    for key, value in changes.items():
        found = _removed(found, key) if value is None else _set(found, key, json.dumps(value, ensure_ascii=False))
        expected = {**expected, key: value}
    wanted = {key: value for key, value in expected.items() if value is not None or key not in changes}
    try:
        if load_map(found.encode()) == wanted:
            return found.encode()
    except Rejected:  # the sentence would be about a line that its author did not write
        pass
    raise Rejected("InvalidValues", f"its form cannot be edited here: change {', '.join(changes)} by hand")


def _set(text: str, key: str, value: str) -> str:
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):  # empty, or comments alone
        return f"{_ended(text)}{key}: {value}\n"
    for found, old in _pairs(root):
        if found.value == key:
            return text[: old.start_mark.index] + value + text[_end(old) :]
    if root.flow_style:
        start, comma = root.start_mark.index + 1, ", " if root.value else ""
        return f"{text[:start]}{key}: {value}{comma}{text[start:]}"
    return f"{_ended(text)}{' ' * root.start_mark.column}{key}: {value}\n"


def _removed(text: str, key: str) -> str:
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return text
    pairs = _pairs(root)
    place = next((index for index, (found, _) in enumerate(pairs) if found.value == key), None)
    if place is None:
        return text
    start, end = pairs[place][0].start_mark.index, _end(pairs[place][1])
    if root.flow_style:
        if place + 1 < len(pairs):
            end = pairs[place + 1][0].start_mark.index
        elif place:
            start = _end(pairs[place - 1][1])
        return text[:start] + text[end:]
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    return text[:first] + (text[last + 1 :] if last >= 0 else "")


def _pairs(root: yaml.MappingNode) -> list[Pair]:
    return list(root.value)


def _end(node: yaml.Node) -> int:
    """Return where the last character of a node ends. PyYAML has the comments below a block within it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
