"""What a comparison says about a file: equal, close, known to differ, unknown, or different."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from tests.corpus.compare import Compared

TOLERANCE = 1e-10
"""For older versions only: of the greatest number of the same row. Their NumPy and SciPy compute exp, log and sums of
products with other last bits than the image's, which shows more where a sum is nearly zero
(docs/adr/0018-a-model-is-data.md)."""


class Verdict(StrEnum):
    """One of these for each file and version."""

    EQUAL = "equal"
    """Every answer has the same bits, every error the same type and first line."""
    CLOSE = "close"
    """The same, but that numbers differ within `TOLERANCE`."""
    EXPLAINED = "explained"
    """Some answers differ from the old version's for a reason in `EXPLAINED`."""
    UNKNOWN = "unknown"
    """It is not read as data."""
    DIFFERENT = "different"
    """Anything else: a fault."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A difference between the image's scikit-learn and an older one. Each is a pattern of `fnmatch`."""

    names: str
    versions: str
    differences: str
    """Of a line of `Compared.different`."""
    why: str


EXPLAINED = (
    Explanation(
        "*SGDClassifier, log_loss, three*",
        "1.[3-8].*",
        "predict_proba, *: NaN or infinity elsewhere",
        "Since 1.9, probabilities of one-vs-rest that are all zero are made equal. Before, they were NaN.",
    ),
    Explanation(
        "*",
        "1.[3-5].*",
        "*: expected ValueError Input X contains NaN., got *",
        "Forests take NaN since 1.4, extra trees and isolation forests since 1.6. Before, they refused it.",
    ),
    Explanation(
        "IsolationForest*",
        "1.[3-5].*",
        "*: expected ValueError Input X contains infinity or a value too large for dtype('float32')., got ndarray*",
        "Isolation forests take numbers beyond float32 since 1.6. Before, they refused them.",
    ),
    Explanation(
        "KNeighborsClassifier, *",
        "1.3.*",
        "*: expected ndarray*, got ValueError All neighbors of some sample is getting zero weights.*",
        "Since 1.4, nearest neighbours refuse a row that is infinitely far from all others.",
    ),
    Explanation(
        "*NB*",
        "1.[3-8].*",
        "*: expected ValueError Negative values in data passed to *",
        "An error's text ended without a full stop.",
    ),
)


def verdict(version: str, found: Compared, *, locked: bool) -> Verdict:
    """Return the verdict on one file. `locked`: of the image's version."""
    if found.unknown:
        return Verdict.UNKNOWN
    if locked and (found.different or found.worst):
        return Verdict.DIFFERENT
    if found.worst > TOLERANCE or not all(explanation(version, found.name, each) for each in found.different):
        return Verdict.DIFFERENT
    if found.different:
        return Verdict.EXPLAINED
    return Verdict.CLOSE if found.worst else Verdict.EQUAL


def explanation(version: str, name: str, difference: str) -> str:
    """Return why an answer of this file may differ; "" if nothing is known."""
    for each in EXPLAINED:
        pairs = ((version, each.versions), (name, each.names), (difference, each.differences))
        if all(fnmatchcase(*pair) for pair in pairs):
            return each.why
    return ""
