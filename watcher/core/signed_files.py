"""The files that a release's pods fetch by signed URLs, and what a ConfigMap holds of them. Pure.

A ConfigMap has one entry for each release that its Deployment's pod templates may name: JSON that the download reads.
docs/adr has the reasons.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from watcher.core.naming import ARTIFACT, REQUIREMENTS, SUFFIX
from watcher.core.types import Manifest, ModelVersion

FILES = "kubeserve.io/files"
"""The annotation of a ConfigMap with the files of the release that its Deployment should run."""
SIGNED = "kubeserve.io/signed"
"""The annotation of a ConfigMap with what is known of its URLs."""
VARIABLE = "KUBESERVE_URLS"
"""The variable of the container that downloads. Its value is an entry of the ConfigMap."""
PREFIX = "urls-"
ENTRY_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{24}}")
MAX_ENTRIES = 10
"""Releases whose URLs are kept while a rollout goes on. An entry has some KiB, and a ConfigMap may have 1 MiB."""
RENEW_SHARE, RENEW_SPREAD = 0.5, 0.1
"""URLs are signed again after half of their life, or up to a fifth sooner: those of many models not all at once."""


@dataclass(frozen=True, slots=True)
class SignedFile:
    """One file of a release. `urls` are tried in this order; `sha256` is "" until it is known.

    `installed` are the versions that the first pod has installed for a requirements.txt, `a==1 b==2`, by its Python.
    """

    key: str
    etag: str
    version_id: str = ""
    sha256: str = ""
    urls: tuple[str, ...] = ()
    installed: Mapping[str, str] = field(default_factory=dict)


Entry = Mapping[str, SignedFile]
"""The files of a release, by the names that the download gives them."""


@dataclass(frozen=True, slots=True)
class Signing:
    """What is known of the URLs in a ConfigMap, without them.

    `by` names the key that signed them. `is_whole` is False if URLs are missing, or were changed by something else.
    `lacks_digest` is True if the SHA-256 of a file is not known yet. `pythons` are those for which it is known what the
    requirements.txt installs; None if there is no such file.
    """

    entry: str
    by: str = ""
    renew: datetime | None = None
    is_whole: bool = False
    lacks_digest: bool = True
    pythons: frozenset[str] | None = None

    def is_due(self, now: datetime, by: str) -> bool:
        """Return whether the URLs are to be signed now, by the key `by`."""
        return not self.is_whole or self.by != by or self.renew is None or now >= self.renew

    @property
    def may_lack(self) -> bool:
        """Whether a pod can report what is not known yet: always with a requirements.txt, for its Python may change."""
        return self.lacks_digest or self.pythons is not None

    def lacks(self, digests: Mapping[str, str], installed: Mapping[str, str]) -> bool:
        """Return whether a pod that has fetched and installed this reports what is not known yet."""
        has_new_set = self.pythons is not None and not installed.keys() <= self.pythons
        return (self.lacks_digest and bool(digests)) or has_new_set


def text_of(version: ModelVersion) -> str:
    """Return the files of a version as JSON: the key and ETag of each, by the name that the download gives it."""
    files = {ARTIFACT: version.artifact}
    files |= {item.key.rpartition("/")[2]: item for item in (version.requirements, *version.input_files) if item}
    return _json({name: {"etag": item.etag, "key": item.key} for name, item in files.items()})


def entry_name(files: str) -> str:
    """Return the name of a release's entry in the ConfigMap. It depends on keys and ETags alone.

    So a pod template names the same entry for as long as it names the same bytes, however often the URLs are signed.
    """
    return f"{PREFIX}{hashlib.sha256(files.encode()).hexdigest()[:24]}"


def wanted(config_map: Manifest) -> tuple[str, Entry]:
    """Return the name and the files of the entry that the ConfigMap should have, by its annotation."""
    text = _annotations(config_map).get(FILES, "{}")
    return entry_name(text), _files(text, config_map)


def entries_of(config_map: Manifest) -> dict[str, Entry]:
    """Return the entries of a ConfigMap, the oldest first. One that cannot be read has no files."""
    order = _order(config_map)
    data = {name: text for name, text in (config_map.get("data") or {}).items() if ENTRY_NAME.fullmatch(name)}
    names = sorted(data, key=lambda name: name in order and order.index(name))
    return {name: _files(data[name], config_map) for name in names}


def kept(entries: Iterable[str], wanted: str, *, running: str, complete: bool) -> list[str]:
    """Return which entries a ConfigMap keeps, the oldest first.

    These are the `wanted` one, that of the Deployment's `running` template, and the newest before them: one, or more
    while a rollout is not `complete`, since pods of older templates may start again until then.
    """
    others = [name for name in entries if name not in {wanted, running}]
    newest = others[-1:] if complete else others[-MAX_ENTRIES:]
    return [*newest, *({running} - {wanted, ""}), wanted]


def known_file(file: SignedFile, entries: Mapping[str, Entry]) -> SignedFile:
    """Return what the entries of a ConfigMap say of a file's bytes; the file itself, if they do not have it."""
    same = (known for entry in entries.values() for known in entry.values())
    return next((known for known in same if (known.key, known.etag) == (file.key, file.etag) and known.urls), file)


def installed_by_others(file: SignedFile, tracks: Iterable[Mapping[str, Entry]]) -> SignedFile:
    """Return a file with what pods of other tracks have installed for its bytes, where its own track knows nothing.

    So a canary is promoted with the packages that it was judged with.
    """
    found = dict(file.installed)
    for entries in tracks:
        found = {**known_file(replace(file, installed={}), entries).installed, **found}
    return replace(file, installed=found)


def with_reports(entry: Entry, digests: Mapping[str, str], installed: Mapping[str, str]) -> Entry:
    """Return an entry with the digests and packages that a pod has reported, where none are known yet."""
    found = {name: replace(file, sha256=file.sha256 or digests.get(name, "")) for name, file in entry.items()}
    if file := found.get(REQUIREMENTS):
        found[REQUIREMENTS] = replace(file, installed={**installed, **file.installed})
    return found


def renewal(name: str, signed: datetime, seconds: float) -> datetime:
    """Return when URLs of `seconds` that were `signed` are signed again. `name` spreads the time."""
    spread = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
    return signed + timedelta(seconds=seconds * (RENEW_SHARE - RENEW_SPREAD * spread))


def signed_parts(entries: Mapping[str, Entry], by: str, renew: datetime, expires: datetime) -> dict[str, Any]:
    """Return the data and the annotation of a ConfigMap that has these entries, the oldest first."""
    data = {name: _json({key: asdict(file) for key, file in entry.items()}) for name, entry in entries.items()}
    about = {"by": by, "renew": _time(renew), "expires": _time(expires), "order": list(entries), "of": _digest(data)}
    return {"data": data, "annotations": {SIGNED: _json(about)}}


def signing_of(config_map: Manifest) -> Signing | None:
    """Return what is known of the URLs of a ConfigMap; None if its pods use none."""
    if FILES not in _annotations(config_map):
        return None
    about, (name, files), data = _signed(config_map), wanted(config_map), config_map.get("data") or {}
    entry = _files(data.get(name, "{}"), config_map)
    try:
        renew = datetime.fromisoformat(about["renew"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        renew = None
    # Of the entries that were signed alone: others' keys stay in the ConfigMap however often it is written.
    ours = {name: data[name] for name in data.keys() & set(_order(config_map))}
    is_whole = name in ours and entry.keys() == files.keys() and about.get("of") == _digest(ours)
    return Signing(
        name,
        str(about.get("by", "")),
        renew,
        is_whole,
        lacks_digest=any(not file.sha256 for file in entry.values()),
        pythons=frozenset(entry[REQUIREMENTS].installed) if REQUIREMENTS in entry else None,
    )


def _annotations(config_map: Manifest) -> Mapping[str, str]:
    return config_map["metadata"].get("annotations") or {}


def _signed(config_map: Manifest) -> Mapping[str, Any]:
    try:
        found = json.loads(_annotations(config_map).get(SIGNED, "{}"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _order(config_map: Manifest) -> list[str]:
    """Return the names of the entries that were signed, the oldest first."""
    order = _signed(config_map).get("order")
    return [name for name in order if isinstance(name, str)] if isinstance(order, list) else []


def _own_prefix(config_map: Manifest) -> str:
    """Return the prefix of the model's keys in the bucket, by what nobody can change: the namespace and the name."""
    meta = config_map["metadata"]
    return f"{meta['namespace']}/{meta['name'].rpartition(SUFFIX)[0]}/"


def _files(text: str, config_map: Manifest) -> Entry:
    """Return the files of a JSON text in a ConfigMap; none if anybody else has written it.

    Whoever may edit the ConfigMap must not get URLs for another model's files, so one such file counts as that.
    """
    try:
        found = json.loads(text)
        if not all(str(file["key"]).startswith(_own_prefix(config_map)) for file in found.values()):
            return {}
        return {
            name: SignedFile(
                key=str(file["key"]),
                etag=str(file["etag"]),
                version_id=str(file.get("version_id", "")),
                sha256=str(file.get("sha256", "")),
                urls=tuple(map(str, file.get("urls", ()))),
                installed={str(python): str(text) for python, text in file.get("installed", {}).items()},
            )
            for name, file in found.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _digest(data: Mapping[str, str]) -> str:
    return hashlib.sha256(_json(data).encode()).hexdigest()[:16]


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
