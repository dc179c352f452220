"""One model in the bucket: its versions, its own values.yaml, and what its `_status.json` files say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from watcher.client.names import unknown, unknown_model
from watcher.core.catalog import read_listing
from watcher.core.naming import STATUS_FILE, VALUES, is_artifact
from watcher.core.text import json_object
from watcher.core.types import Entry, ModelId, ModelVersion, StoredObject
from watcher.core.user_values import SIZE_LIMIT, parse
from watcher.core.values_edit import edited
from watcher.errors import Rejected
from watcher.stores.base import WritableBucket


class ModelFiles:
    """Every object of one model, as one listing has them.

    Raises:
        Rejected: `NotFound`, the bucket has no version of it; the sentence names the nearest model. With
            `or_left_over`, files that an interrupted push or deletion has left are enough.

    """

    def __init__(self, bucket: WritableBucket, model: ModelId, *, or_left_over: bool = False) -> None:
        self._bucket, self.model = bucket, model
        self.objects = bucket.list(model.prefix)
        entry = read_listing(self.objects).entries.get(model)
        if entry is None and or_left_over and self.objects:
            entry = Entry(model, ())
        if entry is None:
            known = map(str, read_listing(bucket.list()).entries)
            raise Rejected("NotFound", f"{unknown_model(str(model), known)} (in the bucket {bucket.name})")
        self.entry: Entry = entry
        self._text = bucket.read(entry.values.key, SIZE_LIMIT) if entry.values else b""

    @property
    def names(self) -> list[str]:
        """Return the versions, the lowest first."""
        return [item.version for item in self.entry.versions]

    @property
    def values(self) -> dict[str, Any]:
        """Return the content of the model's own values.yaml.

        Raises:
            Rejected: `InvalidValues`, with the key and the line.

        """
        return parse(self._text, self._values_key, model_level=True)

    def version(self, name: str) -> ModelVersion:
        """Return a version.

        Raises:
            Rejected: `NotFound`; the sentence names the nearest one.

        """
        for item in self.entry.versions:
            if item.version == name:
                return item
        raise Rejected("NotFound", f"{self.model}: {unknown('version', name, self.names)}")

    @property
    def current(self) -> str:
        """Return the pinned version, which may not exist, or the highest one, also where the values.yaml is invalid."""
        highest = self.names[-1] if self.names else ""
        try:
            return str(self.values.get("version") or highest)
        except Rejected:
            return highest

    def change_values(self, changes: Mapping[str, str | bool | None]) -> dict[str, Any]:
        """Write the model's own values.yaml with some values changed or removed, and return its content.

        Raises:
            Rejected: `InvalidValues`, the file is invalid, or would be.
            Retryable: `Changed`, someone else has changed it since it was listed: their change is not overwritten.

        """
        before = self.values
        try:
            text = edited(self._text, changes)
        except Rejected as error:
            raise Rejected(error.reason, f"{self._values_key}: {error}") from error
        after = parse(text, self._values_key, model_level=True)
        if after != before:
            self._bucket.replace(self._values_key, text, self.entry.values.etag if self.entry.values else "")
        return after

    def status_of(self, version: str) -> dict[str, Any]:
        """Return what the watcher wrote beside a version; {} if it wrote nothing that can be read."""
        key = f"{self.model.prefix}{version}/{STATUS_FILE}"
        if not any(item.key == key for item in self.objects):
            return {}
        return json_object(self._bucket.read(key, SIZE_LIMIT))

    def below(self, version: str) -> list[StoredObject]:
        """Return the objects in a version's folder."""
        return [item for item in self.objects if item.key.startswith(f"{self.model.prefix}{version}/")]

    def in_order_of_removal(self, objects: Iterable[StoredObject]) -> list[StoredObject]:
        """Return the objects so that the watcher, which looks meanwhile, rolls out nothing on the way to the end.

        The lowest version goes first, the chosen one last of all versions, of each its model before the files that
        change how it is served, and last of all what belongs to the model as a whole.
        """
        objects = list(objects)
        names, current, keys = self.names, self.current, {item.key for item in objects}

        def place(item: StoredObject) -> tuple[int, bool, str]:
            version = item.key.removeprefix(self.model.prefix).partition("/")[0]
            if version not in names:
                return len(names) + 1, False, item.key
            rank = len(names) if version == current else names.index(version)
            return rank, not is_artifact(item.key, keys), item.key

        return sorted(objects, key=place)

    @property
    def _values_key(self) -> str:
        return f"{self.model.prefix}{VALUES}"
