"""Find the fields of a live object that are no longer as the watcher wrote them. Pure.

A fingerprint shows which manifest was written last. It does not show that a person has edited the object since. So the
desired manifest is compared with the live object, field by field. Fields that only the live object has do not count:
the API server's defaults, and what others own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from watcher.core.ceilings import amount_of
from watcher.core.types import Manifest

MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port", "protocol"),
}
"""The lists of which the API server merges single items, and what identifies an item. Others may add items to them.
A field that no item has, such as `port` of a container's port, makes no difference."""

UNORDERED: Mapping[str, tuple[str, ...]] = {"metrics": ("type", "resource.name")}
"""The lists that belong to one manager as a whole, but that an API server may return in another order."""

WHOLE_MAPS = frozenset({"selector"})
"""The maps that belong to one manager as a whole: one more label in a Service's selector, and it finds no pod."""

QUANTITY_MAPS, QUANTITIES = frozenset({"limits", "requests"}), frozenset({"sizeLimit", "divisor"})
"""Where `1000m` and `1` are the same: the maps of quantities, and the single fields."""

EMPTY: tuple[Any, ...] = ("", {}, [])
CHOICES = frozenset({"emptyDir"})
"""The fields that say something even if they are empty: which kind of volume it is."""

IDENTITY = frozenset({"apiVersion", "kind"})
"""A live object may be of another version of its API than the manifest."""


def drifted_fields(desired: Manifest, live: Manifest) -> list[str]:
    """Return the paths of the desired fields that the live object lacks or has with another value."""
    content = {key: value for key, value in desired.items() if key not in IDENTITY}
    return sorted(_differences(content, live, "", is_quantity=False))


def _differences(desired: Any, live: Any, path: str, *, is_quantity: bool) -> Iterator[str]:
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        for key, value in desired.items():
            below = path.rpartition(".")[2] in QUANTITY_MAPS or key in QUANTITIES
            inner = f"{path}.{key}" if path else key
            yield from _differences(value, live.get(key), inner, is_quantity=below)
        if path.rpartition(".")[2] in WHOLE_MAPS:
            yield from (f"{path}.{key}" for key in live.keys() - desired.keys())
    elif isinstance(desired, list) and isinstance(live, list):
        yield from _list_differences(desired, live, path)
    elif not _is_equal(desired, live, is_quantity=is_quantity) or (live is None and path.rpartition(".")[2] in CHOICES):
        yield path


def _list_differences(desired: Sequence[Any], live: Sequence[Any], path: str) -> Iterator[str]:
    name = path.rpartition(".")[2]
    fields = MERGE_KEYS.get(name) or UNORDERED.get(name)
    if fields and all(isinstance(item, Mapping) for item in (*desired, *live)):
        if name in UNORDERED and len(desired) != len(live):
            yield path
            return
        by_key = {_key_of(item, fields): item for item in live}
        for item in desired:
            key = _key_of(item, fields)
            inner = f"{path}[{'/'.join(filter(None, key))}]"
            yield from _differences(item, by_key.get(key), inner, is_quantity=False)
    elif len(desired) != len(live):
        yield path
    else:
        for index, (one, other) in enumerate(zip(desired, live, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]", is_quantity=False)


def _key_of(item: Mapping[str, Any], fields: Sequence[str]) -> tuple[str, ...]:
    found = []
    for field in fields:
        value: Any = item
        for name in field.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        found.append("" if value is None else str(value))
    return tuple(found)


def _is_equal(desired: Any, live: Any, *, is_quantity: bool) -> bool:
    if live is None:  # the API server leaves empty values out; a False it would keep
        return desired is None or desired in EMPTY
    if is_quantity:
        return bool(_amount(desired) == _amount(live))
    return bool(type(desired) is type(live) and desired == live)


def _amount(quantity: Any) -> Any:
    try:
        return amount_of(quantity)
    except ValueError:
        return quantity
