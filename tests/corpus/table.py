"""Write the tables of docs/data-loading.md from the corpora: `python -m tests.corpus.table`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from dev.sections import write_section
from tests.corpus import checked, store, versions
from tests.corpus.compare import Compared
from tests.corpus.verdict import Verdict, explanation, verdict

DOCUMENT = Path(__file__).parents[2] / "docs" / "data-loading.md"
SECTION = "corpus"

NAMED = 3
"""At most so many files are named for one reason."""

Comparisons = Mapping[str, Sequence[Compared]]
"""By version."""


def verdicts(found: Comparisons) -> Iterator[tuple[str, Compared, Verdict]]:
    """Yield (version, comparison, verdict) of every file."""
    for version, files in found.items():
        for each in files:
            yield version, each, verdict(version, each, locked=version == versions.LOCKED)


def share(found: Comparisons, version: str) -> float:
    """Return the share of a version's files that are read as data."""
    return sum(not each.unknown for each in found[version]) / len(found[version])


def section(found: Comparisons) -> str:
    """Return the generated part of the document."""
    parts = [_shares(found), _groups(found), _unknown(found), _explained(found)]
    return "\n\n".join(part for part in parts if part)


def _shares(found: Comparisons) -> str:
    rows = ["| files of scikit-learn | files | read as data | equal | close | explained | greatest difference |"]
    rows.append("| --- | --- | --- | --- | --- | --- | --- |")
    for version, files in found.items():
        count = Counter(each for of, _, each in verdicts(found) if of == version)
        close = [each.worst for of, each, kind in verdicts(found) if of == version and kind is Verdict.CLOSE]
        image = " (the image's)" if version == versions.LOCKED else ""
        known = f"{len(files) - count[Verdict.UNKNOWN]} ({100 * share(found, version):.0f} %)"
        cells = [count[kind] for kind in (Verdict.EQUAL, Verdict.CLOSE, Verdict.EXPLAINED)]
        worst = f"{_rounded_up(max(close)):.0e}" if close else "-"
        rows.append(f"| {version}{image} | {len(files)} | {known} | {' | '.join(map(str, cells))} | {worst} |")
    return "\n".join(rows)


def _rounded_up(value: float) -> float:
    """Return the next power of ten, so that another processor writes the same document."""
    power = 1e-16
    while power < value:
        power *= 10
    return power


def _groups(found: Comparisons) -> str:
    rows = [
        "Files of each kind: *equal*; **≈** within the tolerance; **≠** for a reason below; **-** not known as data.",
        "",
        f"| kind of model | {' | '.join(found)} |",
        f"| --- |{' --- |' * len(found)}",
    ]
    groups = dict.fromkeys(each.group for files in found.values() for each in files)
    for group in sorted(groups, key=lambda group: "files" in group):
        cells = [_cell(Counter(kind for of, each, kind in verdicts(found) if (of, each.group) == (version, group)))
                 for version in found]  # fmt: skip
        rows.append(f"| {group} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(count: Counter[Verdict]) -> str:
    signs = {
        Verdict.EQUAL: "{}",
        Verdict.CLOSE: "{} ≈",
        Verdict.EXPLAINED: "{} ≠",
        Verdict.UNKNOWN: "{} -",
        Verdict.DIFFERENT: "{} **wrong**",
    }
    return ", ".join(text.format(count[kind]) for kind, text in signs.items() if count[kind])


def _unknown(found: Comparisons) -> str:
    reasons: dict[str, dict[str, list[str]]] = {}
    for version, each, kind in verdicts(found):
        if kind is Verdict.UNKNOWN:
            why = each.unknown.removesuffix(" is not known as data").replace("|", "\\|")
            reasons.setdefault(why, {}).setdefault(each.name, []).append(version)
    if not reasons:
        return ""
    rows = ["Not known as data:", "", "| estimator | files | of |", "| --- | --- | --- |"]
    for why, files in reasons.items():
        of = {version for versions_of in files.values() for version in versions_of}
        names = "; ".join(files) if len(files) <= NAMED else f"{len(files)} files"
        rows.append(f"| {why} | {names} | {_range(of, found)} |")
    return "\n".join(rows)


def _range(of: Collection[str], found: Comparisons) -> str:
    if len(of) == len(found):
        return "all versions"
    return ", ".join(version.rpartition(".")[0] for version in found if version in of)


def _explained(found: Comparisons) -> str:
    reasons: dict[str, tuple[set[str], set[str]]] = {}
    for version, each, kind in verdicts(found):
        for line in each.different if kind is Verdict.EXPLAINED else ():
            names, of = reasons.setdefault(explanation(version, each.name, line), (set(), set()))
            names.add(each.name)
            of.add(version)
    if not reasons:
        return ""
    rows = [f"- {why} ({len(names)} of the files of {_range(of, found)})" for why, (names, of) in reasons.items()]
    return "\n".join(
        ["**≠**: the image's scikit-learn answers otherwise than the one that saved the file, on purpose.", "", *rows]
    )


def wrong(found: Comparisons) -> list[str]:
    """Return a line for each file whose answers are not as the document promises."""
    return [
        f"{version}: {each.name} ({each.group}): {len(each.different)} of {each.answers} answers are others,"
        f" numbers differ by up to {each.worst:.0e}: {'; '.join(each.different[:3])}"
        for version, each, kind in verdicts(found)
        if kind is Verdict.DIFFERENT
    ]


def main() -> int:
    """Write the sections, and report every wrong answer."""
    found = store.all_compared()
    write_section(DOCUMENT, SECTION, section(found))
    write_section(DOCUMENT, "check", checked.section())
    print("\n".join(wrong(found)), file=sys.stderr)
    return int(bool(wrong(found)))


if __name__ == "__main__":
    sys.exit(main())
