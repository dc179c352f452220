"""Which release of a model should serve, as its files in the bucket say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from watcher.core import requirements, trials, user_values
from watcher.core.ceilings import Ceilings
from watcher.core.chart import defaults, merge
from watcher.core.last_good import in_place_of
from watcher.core.load_policy import demand
from watcher.core.types import Entry, ModelVersion, Release, StoredObject
from watcher.errors import Rejected, WatcherError
from watcher.stores.base import Bucket


class Releases:
    """Reads each values.yaml and requirements.txt once for each ETag. Thread-safe."""

    def __init__(
        self,
        bucket: Bucket,
        base: Mapping[str, Any],
        ceilings: Ceilings | None = None,
        data_only: frozenset[str] = frozenset(),
    ) -> None:
        self._bucket, self._base, self._ceilings, self._data_only = bucket, base, ceilings or {}, data_only
        self._files: dict[str, tuple[str, bytes]] = {}

    def of(self, entry: Entry) -> Release | None:
        """Return the release that should serve; None when the model is paused.

        Raises:
            Rejected: a values.yaml is invalid, above a ceiling or looser than the operator's `server.load`, the pinned
                version is missing, a model.joblib is empty, a requirements.txt is refused, or a trial is not possible.
            Retryable: one of these files cannot be read.

        """
        model_level = user_values.model_values(entry, self._read)
        if model_level.get("paused"):
            return None
        version = user_values.choose_version(entry, model_level)
        overrides = self._overrides(version, model_level)
        found, unmade = trials.trials_of(entry, version, model_level)
        trials.check(entry.model, found, merge(defaults(), self._base, overrides))
        complete = (replace(trial, overrides=self._overrides(trial.version, model_level)) for trial in found)
        return Release(version, overrides, tuple(complete), unmade)

    def instead_of(self, wanted: Release, entry: Entry, last_good: Release | None) -> Iterator[Release]:
        """Yield the releases that may run where the wanted one must not: the last good one, then lower versions.

        What the operator does not allow any longer, or what cannot be served, is left out.

        Raises:
            Retryable: a values.yaml cannot be read.

        """
        if last_good and (found := self.permitted(in_place_of(wanted, last_good))):
            yield found
        model_level = user_values.model_values(entry, self._read)
        on_trial = {trial.version.version for trial in wanted.trials}
        names = [version.version for version in entry.versions]
        for version in reversed(entry.versions[: names.index(wanted.version.version)]):
            if version.version not in on_trial and (lower := self._lower(version, model_level)):
                yield in_place_of(wanted, lower)

    def permitted(self, release: Release) -> Release | None:
        """Return a release that was made earlier, with what the operator demands now; None if it is above a limit."""
        demanded = demand(self._data_only, release.model.namespace)
        overrides = merge(demanded, release.overrides)
        base = merge(defaults(), self._base)
        try:
            requirements.check_permitted(release.version, base)
            user_values.check_permitted(overrides, base, demanded, self._ceilings, str)
        except Rejected:
            return None
        return replace(release, overrides=overrides)

    def _lower(self, version: ModelVersion, model_level: Mapping[str, Any]) -> Release | None:
        try:
            return Release(version, self._overrides(version, model_level))
        except Rejected:
            return None

    def _overrides(self, version: ModelVersion, model_level: Mapping[str, Any]) -> dict[str, Any]:
        if version.artifact.size == 0:
            raise Rejected("EmptyFile", f"{version.artifact.key} is empty: upload it again")
        base = merge(defaults(), self._base)
        requirements.check(version, base, lambda file: self._read(file, requirements.READ_LIMIT))
        demanded = demand(self._data_only, version.model.namespace)
        return user_values.overrides_of(version, model_level, self._read, base, self._ceilings, demanded=demanded)

    def wanted(self, entry: Entry) -> str:
        """Return which version the files ask for; the highest, where they have not been read or cannot be."""
        with suppress(WatcherError, LookupError):
            values = user_values.model_values(entry, self._read_before)
            return user_values.choose_version(entry, values).version
        return entry.versions[-1].version

    def keep(self, entries: Iterable[Entry]) -> None:
        """Forget the files that are not among those of `entries`."""
        keys = {file.key for entry in entries for file in _files_of(entry) if file}
        for key in set(self._files) - keys:
            self._files.pop(key, None)

    def _read_before(self, file: StoredObject) -> bytes:
        """Return a file that was read already.

        Raises:
            LookupError: It was not, or other bytes were.

        """
        return dict([self._files[file.key]])[file.etag]

    def _read(self, file: StoredObject, limit: int = user_values.SIZE_LIMIT) -> bytes:
        etag, text = self._files.get(file.key, ("", b""))
        if etag != file.etag:
            text = self._bucket.read(file.key, limit)
            self._files[file.key] = (file.etag, text)
        return text


def _files_of(entry: Entry) -> Iterator[StoredObject | None]:
    """Yield the files of a model that decide what is deployed."""
    yield entry.values
    for version in entry.versions:
        yield version.values
        yield version.requirements
