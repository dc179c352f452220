"""Check an uploader's requirements.txt and rewrite it from its parsed parts. Pure.

Whoever may upload a model writes this file, and pip's format can do far more than name packages: read other files, ask
other servers, expand environment variables, run build scripts. So pip never gets the file itself. It gets lines that
are put together here from names, extras, versions and hashes. No error quotes the file, except for a package's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from server.errors import VersionError

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
NUMPY_2 = {"pandas": "2.2.2", "scikit-learn": "1.4.2", "scipy": "1.13.0", "statsmodels": "0.14.2"}
"""The first versions that run with NumPy 2. The metadata of many earlier ones does not exclude it."""

OF_MLFLOW = frozenset({"mlflow", "mlflow-skinny", "mlflow-tracing"})
"""MLflow's own packages, which saved the model. No part of the model needs them, and they are large."""

ADVICE = "write one package a line, such as pandas==2.2.3"


@dataclass(frozen=True, slots=True)
class Package:
    """One requirement that applies to this Python: the part of its line that pip gets."""

    name: str
    extras: tuple[str, ...]
    versions: str
    hashes: tuple[str, ...]

    def __str__(self) -> str:
        """Return the line for pip. The normalised name cannot be taken for a path, a URL or an option."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.name}{extras}{self.versions}" + "".join(f" --hash={item}" for item in self.hashes)


def parse(data: bytes) -> list[Package]:
    """Return the packages that apply to this Python; those whose marker excludes it are left out.

    Raises:
        VersionError: the file is too large, not text, or has a line that is more than a package with versions, extras,
            markers and hashes. The sentence has the line's number.

    """
    if len(data) > MAX_BYTES:
        raise VersionError(f"requirements.txt is larger than {MAX_BYTES // 1024} KiB: name only what the model needs")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(data.count(b"\n", 0, error.start) + 1, "it is not UTF-8 text: save the file as UTF-8") from error
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise VersionError(f"requirements.txt has more than {MAX_LINES} lines: name only what the model needs")
    found = [(number, package(number, line)) for number, line in logical_lines(lines)]
    if len(found) > MAX_PACKAGES:
        raise VersionError(f"requirements.txt names more than {MAX_PACKAGES} packages: name only what the model needs")
    check_hashes([(number, item) for number, item in found if item])
    return [item for _, item in found if item]


def without_mlflow(packages: list[Package]) -> list[Package]:
    """Return the packages of a requirements.txt that MLflow wrote, without MLflow itself."""
    return [item for item in packages if item.name not in OF_MLFLOW]


def with_numpy(packages: list[Package]) -> list[Package]:
    """Return the packages, and NumPy 1 for pins from before NumPy 2 which do not ask for it themselves.

    With hashes all packages are listed anyway.
    """
    if any(item.name == "numpy" or item.hashes for item in packages):
        return packages
    is_old = any(item.name in NUMPY_2 and _is_before(item.versions, NUMPY_2[item.name]) for item in packages)
    return [*packages, Package("numpy", (), "<2", ())] if is_old else packages


def _is_before(versions: str, first: str) -> bool:
    """Return whether the specifier allows only versions before `first`."""
    for item in SpecifierSet(versions):
        version = Version(item.version.removesuffix(".*"))
        if item.operator in ("==", "<=") and version < Version(first):
            return True
        if item.operator == "<" and version <= Version(first):
            return True
    return False


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


def package(number: int, line: str) -> Package | None:
    """Return the package of one line, or None if its marker excludes this Python."""
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
    if not applies(number, requirement):
        return None
    return Package(
        name=canonicalize_name(requirement.name),
        extras=tuple(sorted(canonicalize_name(extra) for extra in requirement.extras)),
        versions=str(requirement.specifier),
        hashes=tuple(f"{algorithm}:{digest.lower()}" for algorithm, digest in hashes),
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


def check_hashes(found: list[tuple[int, Package]]) -> None:
    """Refuse a file with hashes for some packages only: pip then requires them for all, with exact versions."""
    if not any(item.hashes for _, item in found):
        return
    for number, item in found:
        if not item.hashes:
            raise refusal(number, "other lines have a --hash, so each line needs one", item.name)
        if not item.versions.startswith("==") or "," in item.versions or "*" in item.versions:
            raise refusal(number, "with a --hash the version must be exact, such as ==2.2.3", item.name)


def refusal(number: int, problem: str, name: str = "") -> VersionError:
    shown = f" ({name[:MAX_NAME]})" if name else ""
    return VersionError(f"requirements.txt, line {number}{shown}: {problem}")
