"""The rows of the fault table: what may go wrong on the worst day, what is promised for it, and the last figure.

`make test` runs each row in its short form, within seconds. `make chaos` runs the long form; only that one records
figures, in `figures.json`. `make docs` writes both into docs/reliability.md.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LONG_FORM = "KUBESERVE_CHAOS_LONG"
"""The environment variable that `make chaos` sets."""

FIGURES = Path(__file__).parent / "figures.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `tested` says how, in the long form."""

    number: int
    day: str
    promise: str
    tested: str


ROWS = (
    Row(
        1,
        "MinIO killed with -9 for 30 s in the middle of 200 uploads",
        "every acknowledged upload is applied, within 10 s of the store's return",
        "the store is killed between two acknowledged uploads; the digests in the pod templates are compared "
        "with those of the uploads",
    ),
    Row(
        2,
        "The event stream goes half-open, or ends cleanly again and again",
        "noticed within 15 s, converged within 30 s; at most one reconnect a second, under 5 % of a core",
        "a proxy drops all connections without closing them, and another one ends each stream at once",
    ),
    Row(
        3,
        "The API server away for 5 min, slow, answering 429, 500, 409 or HTML, `Retry-After: 3600`",
        "no crash, bounded memory, converged within 10 s of its return, nothing lost",
        "a proxy in front of the API server gives each of these answers during an upload",
    ),
    Row(
        4,
        "The watcher killed before and after every write that it makes",
        "the same final objects as in an undisturbed run",
        "a proxy in front of the API server and of the store counts the writes of a script of uploads and "
        "deletions, and kills the watcher at each of them: once all in one run, then each in a run of its own",
    ),
    Row(
        5,
        "Events doubled, reordered, dropped, invented",
        "the same state as without events, and no extra rollout",
        "seeded permutations of changes and events: 100,000 over the reconciler in memory, hundreds over the "
        "webhook of a real watcher",
    ),
    Row(
        6,
        "The listing fails, stops at page 2, never ends, is suddenly empty; the bucket is deleted; access is denied",
        "no object is removed or written, the state is reported, it converges afterwards",
        "a proxy in front of the store gives each of these answers to listings",
    ),
    Row(
        7,
        "10,000 malformed keys and events, with real ones among them",
        "no crash, no object made from them, a good upload takes at most twice as long",
        "seeded keys of wrong depth, characters and names are uploaded, and as many notifications are posted "
        "to the webhook",
    ),
    Row(
        8,
        "A corrupt, truncated, empty or never-finishing model; one that needs a missing package",
        "the version before it serves without a failed request; the reason is visible within seconds",
        "a client asks without pause while each of these models is uploaded as the next version",
    ),
    Row(
        9,
        "The object is swapped between listing and download",
        "never serves bytes other than those that the pod's template names",
        "the init container's program runs with the template's environment while other bytes are uploaded "
        "again and again",
    ),
    Row(
        10,
        "A person edits or deletes any of our objects; others own fields of them; foreign objects have our names",
        "ours restored in seconds, theirs kept; nothing foreign taken over or deleted",
        "each kind of object is edited and deleted in a real API server, without a resync",
    ),
    Row(
        11,
        "The autoscaler is at 7 and 1,000 re-applies come; autoscaling is switched off and on",
        "replicas never leave 7",
        "a watch of the Deployment sees each of its states while the model is overwritten 1,000 times, with a "
        "resync every second",
    ),
    Row(
        12,
        "Two watchers at once, one frozen for a minute and woken; two stores with the same names and defaults",
        "no flapping, the same end state; the second pair keeps apart",
        "SIGSTOP and SIGCONT, and the identity and generation of each object before and after; a second MinIO "
        "with the same bucket",
    ),
    Row(
        13,
        "A namespace is missing, terminating or out of quota",
        "that model says so and waits, the others go on; applied within 10 s of the cure",
        "namespaces in each state beside a good one, and what a person would do about each",
    ),
    Row(
        14,
        "The watcher's clock jumps by an hour, forwards or back",
        "nothing is removed or rolled; it is shown; uploads and deletions are applied meanwhile",
        "libfaketime moves the wall clock of a running watcher; a real MinIO refuses its signatures",
    ),
    Row(
        15,
        "Rolling updates, scale-up, scale-down, evictions and drains under load, on a real node",
        "no failed request",
        "`KUBESERVE_CHAOS_LONG=1 make test-cluster`: clients with persistent connections that never retry",
    ),
    Row(
        16,
        "10 × overload for a minute; a 1 GiB body; 6-byte chunks; slow connections; clients that do not read",
        "goodput of at least 90 % of the peak, rejections are 503 with `Retry-After`, 413 at once, flat "
        "memory, good clients unaffected, healthy within 5 s",
        "a model that takes 10 ms for a call; clients that ask again at once, and raw sockets beside a good client",
    ),
    Row(
        17,
        "A soak with uploads, overwritten files, deletions and rollbacks",
        "flat memory, threads and file descriptors; every model in the right state at the end",
        "seeded changes of 12 models for two minutes; an hour by `KUBESERVE_SOAK_SECONDS=3600`",
    ),
    Row(
        18,
        "A stop while anything hangs: store, API server, clients",
        "out within 5 s, nothing left behind",
        "a proxy holds every request, or 50 clients send half a body, and SIGTERM follows",
    ),
)


def long_form() -> bool:
    """Return whether the long form runs."""
    return bool(os.environ.get(LONG_FORM))


def amount(short: int, long: int) -> int:
    """Return how much to do in the form that runs."""
    return long if long_form() else short


def record(number: int, what: str, figure: str) -> None:
    """Keep the figure of one part of a row, if the long form runs."""
    if not long_form():
        return
    figures = load()
    figures.setdefault(str(number), {})[what] = {"figure": figure, "date": datetime.now(UTC).date().isoformat()}
    FIGURES.write_text(json.dumps(figures, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def load() -> dict[str, dict[str, dict[str, str]]]:
    """Return the figures by row and part."""
    return json.loads(FIGURES.read_text()) if FIGURES.exists() else {}


def table() -> str:
    """Return the table of docs/reliability.md."""
    figures = load()
    lines = [
        "| # | the day | promise | how it is tested | last figure | date |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in ROWS:
        found = figures.get(str(row.number), {})
        measured = "; ".join(f"{what}: {item['figure']}" for what, item in found.items()) or "not measured yet"
        date = max((item["date"] for item in found.values()), default="")
        lines.append(f"| {row.number} | {row.day} | {row.promise} | {row.tested} | {measured} | {date} |")
    return "\n".join(lines)
