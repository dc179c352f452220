"""Keep the URLs by which pods fetch their model in a ConfigMap of the model: sign, renew, and drop them (docs/adr).

They are written with a field manager of their own. So neither what the reconciler applies nor its fingerprint changes
with them, and no pod template does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from watcher.core import signed_files
from watcher.core.signed_files import Entry, SignedFile, Signing
from watcher.core.types import Manifest
from watcher.errors import Rejected, WatcherError
from watcher.runtimes.kubernetes.facts import PodFact
from watcher.runtimes.kubernetes.objects import CONFIG_MAP, Objects
from watcher.runtimes.kubernetes.rollout import annotations_of, entry_in, is_complete
from watcher.stores.signer import UrlSigner

URLS_MANAGER = "kubeserve-urls"
ACCESS_DENIED = "AccessDenied"
"""The reason of the `Rejected` of a look-up that the store does not permit."""


class PodUrls:
    """Signs with `signer`, and writes into the ConfigMaps of `objects`. Thread-safe: both are."""

    def __init__(self, objects: Objects, signer: UrlSigner) -> None:
        self._objects, self._signer = objects, signer

    def due(self) -> Callable[[Signing], bool]:
        """Return what decides whether URLs are to be signed now. Without a key none are."""
        with suppress(WatcherError):
            key = self._signer.key()
            return lambda signing: signing.is_due(key.now, key.by)
        return lambda _: False

    def write_if_due(self, item: Manifest, deployment: Manifest | None, others: Iterable[Manifest] = ()) -> None:
        """Write the URLs of a ConfigMap that lacks those of its release, or whose time has come; no other object's.

        `others` are the ConfigMaps of the model's other tracks.
        """
        signing = signed_files.signing_of(item) if item["kind"] == CONFIG_MAP else None
        if signing and signing.is_due((key := self._signer.key()).now, key.by):
            self.write(item, deployment, [], others)

    def write(
        self,
        config_map: Manifest,
        deployment: Manifest | None,
        pods: Iterable[PodFact],
        others: Iterable[Manifest] = (),
    ) -> None:
        """Sign the URLs of all releases that pods of the Deployment may need, and write them into the ConfigMap.

        What the `pods` have fetched and installed is written too: later pods must get the same bytes and versions. So
        is what pods of the model's other tracks have installed, by their ConfigMaps `others`.

        Raises:
            Rejected, Retryable: there is no key, or the store refuses to show the files of the new release.
            ApiError, Unreachable: the API server's.

        """
        name, files = signed_files.wanted(config_map)
        entries = signed_files.entries_of(config_map)
        running, complete = (
            (entry_in(deployment["spec"]["template"]), is_complete(deployment)) if deployment else ("", True)
        )
        was_fetched = complete and name == running
        entries[name] = {file: self._known(files[file], entries, was_fetched=was_fetched) for file in files}
        tracks = [signed_files.entries_of(other) for other in others]
        entries[name] = {file: signed_files.installed_by_others(known, tracks) for file, known in entries[name].items()}
        key = self._signer.key()  # after the look-ups, which may show that the store's clock differs
        kept = {
            entry: entries[entry]
            for entry in signed_files.kept(entries, name, running=running, complete=complete)
            if entry in entries
        }
        for pod in pods:
            if pod.entry in kept:
                kept[pod.entry] = signed_files.with_reports(kept[pod.entry], pod.digests, pod.installed)
        signed = {
            entry: {file: self._signer.signed(item, key) for file, item in files.items()}
            for entry, files in kept.items()
        }
        meta = config_map["metadata"]
        renew = signed_files.renewal(f"{meta['namespace']}/{meta['name']}", key.now, key.life.total_seconds())
        parts = signed_files.signed_parts(signed, key.by, renew, key.now + key.life)
        written = {
            "apiVersion": "v1",
            "kind": CONFIG_MAP,
            "metadata": {
                **{field: meta[field] for field in ("name", "namespace", "uid")},
                "annotations": parts["annotations"],
            },
            "data": parts["data"],
        }
        self._objects.apply(written, URLS_MANAGER)

    def _known(self, file: SignedFile, entries: dict[str, Entry], *, was_fetched: bool) -> SignedFile:
        """Return a file with what is known of its bytes.

        Without the right to list, the store denies access to an object that is gone. If pods have fetched the file,
        that is no reason to fail: the file is returned as it is, as where the store says that it is gone.
        """
        found = signed_files.known_file(file, entries)
        if found.urls:
            return found
        try:
            return self._signer.looked_up(found)
        except Rejected as error:
            if not was_fetched or error.reason != ACCESS_DENIED:
                raise
            return found


def wants_urls(config_map: Manifest) -> bool:
    """Return whether the pods of a ConfigMap's Deployment fetch by URLs."""
    return signed_files.FILES in annotations_of(config_map)
