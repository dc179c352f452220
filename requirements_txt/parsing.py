"""Check an uploader's requirements.txt and take it into its parts. Pure.

Whoever may upload a model writes this file, and pip's format can do far more than name packages: read other files, ask
other servers, expand environment variables, run build scripts. So pip never gets the file itself. It gets lines that
are put together here from names, extras, versions and hashes. No error quotes the file, except for a package's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

MAX_BYTES = 1024 * 1024
"""Bytes. A lock file with the hashes of a hundred packages has a quarter of this."""

MAX_LINES = 20_000
MAX_PACKAGES = 1000

MAX_REQUIREMENT = 1000
"""Characters of one requirement without its hashes."""

MAX_NAME = 60
"""Characters of a package's name that an error shows."""

COMMENT = re.compile(r"(^|\s)#.*$")
HASH = re.compile(r"\s--hash(?:=|\s+)(sha256|sha384|sha512):([0-9a-fA-F]{64,128})(?=\s|$)")
DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
ARCHIVES = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lzma")
ADVICE = "write one package a line, such as pandas==2.2.3"


class RequirementsError(ValueError):
    """A requirements.txt is refused. The sentence begins with the file's name, and has the line's number."""


@dataclass(frozen=True, slots=True)
class Package:
    """One requirement: the part of its line that pip gets."""

    name: str
    extras: tuple[str, ...] = ()
    versions: str = ""
    hashes: tuple[str, ...] = ()
    line: int = 0
    """Where it begins, from 1; 0: the file does not have it."""

    applies: bool = True
    """Whether its marker includes this Python."""

    def __str__(self) -> str:
        """Return the line for pip. The normalised name cannot be taken for a path, a URL or an option."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.name}{extras}{self.versions}" + "".join(f" --hash={item}" for item in self.hashes)

    @property
    def is_exact(self) -> bool:
        """Whether only one version fits."""
        return self.versions.startswith("==") and "," not in self.versions and "*" not in self.versions


def parse(data: bytes) -> list[Package]:
    """Return all packages, also those whose marker excludes this Python.

    Raises:
        RequirementsError: the file is too large, not text, or has a line that is more than a package with versions,
            extras, markers and hashes. The sentence has the line's number.

    """
    if len(data) > MAX_BYTES:
        raise RequirementsError(
            f"requirements.txt is larger than {MAX_BYTES // 1024} KiB: name only what the model needs"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(data.count(b"\n", 0, error.start) + 1, "it is not UTF-8 text: save the file as UTF-8") from error
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise RequirementsError(f"requirements.txt has more than {MAX_LINES} lines: name only what the model needs")
    found = [package(number, line) for number, line in islice(logical_lines(lines), MAX_PACKAGES + 1)]
    if len(found) > MAX_PACKAGES:
        raise RequirementsError(
            f"requirements.txt names more than {MAX_PACKAGES} packages: name only what the model needs"
        )
    return found


def for_this_python(packages: list[Package]) -> list[Package]:
    """Return the packages that apply to this Python.

    Raises:
        RequirementsError: of them only some have hashes: pip then requires them for all, with exact versions.

    """
    found = [item for item in packages if item.applies]
    if any(item.hashes for item in found):
        for item in found:
            if not item.hashes:
                raise refusal(item.line, "other lines have a --hash, so each line needs one", item.name)
            if not item.is_exact:
                raise refusal(item.line, "with a --hash the version must be exact, such as ==2.2.3", item.name)
    return found


def logical_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Join lines that end in a backslash, and drop comments and empty lines; each with the number of its first line."""
    begun, parts = 0, list[str]()
    for number, physical in enumerate(lines, 1):
        line = physical.removesuffix("\r").replace("\t", " ")
        if not line.isprintable():
            raise refusal(number, "it contains a control character")
        comment = COMMENT.search(line)
        begun = begun or number
        parts.append(COMMENT.sub("", line).removesuffix("\\"))
        if line.endswith("\\") and not comment:
            continue
        if joined := " ".join(parts).strip():
            yield begun, joined
        begun, parts = 0, []
    if parts:
        raise refusal(begun, "it ends in a backslash and nothing follows")


def package(number: int, line: str) -> Package:
    """Return the package of one line."""
    refuse_what_is_no_package(number, line)
    hashes = HASH.findall(line)
    text = HASH.sub("", line).strip()
    if any(len(digest) != DIGITS[algorithm] for algorithm, digest in hashes):
        raise refusal(number, "a --hash has the wrong number of digits")
    if " --" in text or text.startswith("-"):
        raise refusal(number, "options are not allowed, except for --hash=sha256:…")
    if len(text) > MAX_REQUIREMENT:
        raise refusal(number, f"it is longer than {MAX_REQUIREMENT} characters")
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, RecursionError) as error:
        raise refusal(number, f"it does not name a package: {ADVICE}") from error
    if requirement.url:
        raise refusal(number, f"URLs are not allowed: {ADVICE}", requirement.name)
    if requirement.name.lower().endswith(ARCHIVES):
        raise refusal(number, f"files are not allowed: {ADVICE}", requirement.name)
    if any(item.operator == "===" for item in requirement.specifier):
        raise refusal(number, "=== is not allowed: write ==", requirement.name)
    return Package(
        name=canonicalize_name(requirement.name),
        extras=tuple(sorted(canonicalize_name(extra) for extra in requirement.extras)),
        versions=str(requirement.specifier),
        hashes=tuple(f"{algorithm}:{digest.lower()}" for algorithm, digest in hashes),
        line=number,
        applies=applies(number, requirement),
    )


def refuse_what_is_no_package(number: int, line: str) -> None:
    """Name the usual other things in words of their own; what is left must parse as a package in any case."""
    if "${" in line:
        raise refusal(number, "variables such as ${NAME} are not expanded")
    if line.startswith(("-r", "-c", "--requirement", "--constraint")):
        raise refusal(number, "other files cannot be included: write all packages into this file")
    if line.startswith("-"):
        raise refusal(number, "options are not allowed; the operator sets the package index")
    if "://" in line or line.lower().startswith(("file:", "git+", "hg+", "svn+", "bzr+")):
        raise refusal(number, f"URLs are not allowed: {ADVICE}")
    if line.startswith((".", "/", "~")):
        raise refusal(number, f"paths are not allowed: {ADVICE}")
    if not line.isascii():
        raise refusal(number, f"a package's name and versions are ASCII: {ADVICE}")


def applies(number: int, requirement: Requirement) -> bool:
    """Return whether the marker, if there is one, includes this Python."""
    try:
        return requirement.marker is None or requirement.marker.evaluate()
    except (UndefinedComparison, UndefinedEnvironmentName, RecursionError) as error:
        raise refusal(number, "its marker (after the semicolon) cannot be evaluated", requirement.name) from error


def refusal(number: int, problem: str, name: str = "") -> RequirementsError:
    shown = f" ({name[:MAX_NAME]})" if name else ""
    return RequirementsError(f"requirements.txt, line {number}{shown}: {problem}")
