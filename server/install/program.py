"""The steps of the program: read requirements.txt, install it by pip, and report what was installed."""

from __future__ import annotations

import argparse
import json
import shutil
from importlib.metadata import Distribution, distributions
from pathlib import Path

from requirements_txt.parsing import Package, RequirementsError, for_this_python, parse
from requirements_txt.policy import read
from server import logs
from server.download.by_urls import PYTHON
from server.download.disk import Disk, parse_limit
from server.download.files import explained
from server.errors import ModelError, VersionError
from server.install.adapted import with_numpy, without_mlflow
from server.install.installer import Index, install
from server.paths import MLFLOW_MODEL, REQUIREMENTS, RESOLVED
from server.text import LIMIT

FOLDER = "the packages' volume"
THE_SAME = (
    "an earlier pod of this version had them, and each has to get the same: to resolve anew, "
    "upload requirements.txt with a change, such as a comment"
)


def install_all(options: argparse.Namespace) -> None:
    """Install the packages of requirements.txt, if there is one, and report their versions.

    Raises:
        ModelError: the file is refused, pip fails, or the packages do not fit on the disk.

    """
    clear(options.to)
    packages = wanted(options.model, options.requirements)
    disk = Disk(options.to, parse_limit(options.disk_limit), parse_limit(options.volume_limit), "packages")
    resolved = [] if any(item.hashes for item in packages) else resolved_before(options.model)
    index = Index(options.pip_index_url, options.pip_cert)
    try:
        install(packages, options.to, index, disk, resolved=resolved, model=options.model)
    except VersionError as error:
        if not resolved:
            raise
        # The file is the same with which an earlier pod succeeded, so the index has changed.
        raise ModelError(f"{error}; {THE_SAME}") from error
    if packages:
        report(options.to)


def wanted(model: Path, policy: str) -> list[Package]:
    """Return the packages that the requirements.txt in a model's folder names for this Python."""
    file = model / REQUIREMENTS
    if not file.exists():
        return []
    with explained(file, "read"):
        data = file.read_bytes()
    try:
        packages = for_this_python(read(data, policy))
    except RequirementsError as error:
        raise VersionError(str(error)) from error
    packages = with_numpy(packages)
    return without_mlflow(packages) if (model / MLFLOW_MODEL).exists() else packages


def resolved_before(model: Path) -> list[Package]:
    """Return the versions that an earlier pod of the same version has installed; none if that is not known."""
    file = model / RESOLVED
    if not file.exists():
        return []
    try:
        found = parse(file.read_bytes())
    except RequirementsError as error:
        raise ModelError(f"{RESOLVED} is not what the watcher writes: delete the pod") from error
    return [Package(item.name, versions=item.versions) for item in found if item.is_exact]


def report(folder: Path) -> None:
    """Write the versions of what is installed where the watcher reads them, if there is room.

    Later pods with the same Python get the same. Without them each pod resolves requirements.txt anew.
    """
    versions: dict[str, set[str]] = {}
    for item in filter(None, map(package_of, distributions(path=[str(folder)]))):
        versions.setdefault(item.name, set()).add(item.versions)
    # A wheel may bring another one's folder. Of a name with two versions pip could install neither.
    found = {f"{name}{''.join(exact)}" for name, exact in versions.items() if len(exact) == 1}
    message = json.dumps({"packages": " ".join(sorted(found)), "python": PYTHON})
    if len(message) < LIMIT:
        logs.write_termination_message(message)


def package_of(item: Distribution) -> Package | None:
    """Return what a `.dist-info` folder names, as a later pod reads it; None if that pod would refuse it.

    A wheel may bring more folders of that kind than its own, and pip reads none of these: they may have anything.
    """
    try:
        about = item.metadata
        [found] = parse(f"{about['Name']}=={about['Version']}".encode()) if "Name" in about else []
    except (ValueError, TypeError, KeyError):  # the last two: newer Pythons, of what is missing
        return None
    return found if found.is_exact else None


def clear(folder: Path) -> None:
    """Remove what an earlier attempt has left in a folder; a volume's own folder stays."""
    if not folder.exists():
        return
    with explained(folder, "cleared"):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
