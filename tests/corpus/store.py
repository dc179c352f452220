"""Where the corpora are kept: in the cache, by version, and by the hash of everything that they were made from."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dev.tools import cache_dir
from tests.corpus import versions
from tests.corpus.compare import Compared, printed

ROOT = Path(__file__).parents[2]
SCRIPTS = ("inputs.py", "estimators.py", "compositions.py", "make.py")
_WHOLE = "INDEX.json"
"""Written last."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""As the server starts; sums of several threads have other bits."""


class NotMade(Exception):  # noqa: N818 - named after what the caller must know
    """A corpus could not be made or compared; the message says why."""


def folder(version: str) -> Path:
    """Return the folder of a version's corpus. Other scripts or libraries give another folder."""
    digest = hashlib.sha256("\n".join(versions.requirements(version)).encode())
    for name in SCRIPTS:
        digest.update((ROOT / "tests" / "corpus" / name).read_bytes())
    return cache_dir() / "corpus" / f"{version}-{digest.hexdigest()[:12]}"


def corpus(version: str) -> Path:
    """Return the folder of a version's corpus. Make it first if necessary.

    Raises:
        venvs.VenvUnavailable: the version's environment cannot be created.
        NotMade: the script failed.

    """
    target = folder(version)
    if not (target / _WHOLE).exists():
        _make(target, versions.python(version), version)
    return target


def _make(target: Path, python: Path, version: str) -> None:
    print(f"fitting the models of scikit-learn {version} (once, about 30 s) …", file=sys.stderr, flush=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        _run(python, "tests.corpus.make", str(partial))
        if not target.exists():  # another process may have made it meanwhile
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def compared(version: str) -> list[Compared]:
    """Return how each file of the version compares, in a process without the packages of the models."""
    return list(printed(_run(Path(sys.executable), "tests.corpus.compare", str(corpus(version)))))


def all_compared(chosen: Sequence[str] = versions.ALL) -> Mapping[str, list[Compared]]:
    """Return the comparisons of all versions. Two corpora are made at once."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(chosen, pool.map(compared, chosen), strict=True))


def _run(python: Path, module: str, *arguments: str) -> str:
    """Return what a module prints in the environment of this Python."""
    done = subprocess.run(
        [python, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotMade(f"{module} failed in {python.parents[1].name}: {done.stderr.strip()[-800:]}")
    return done.stdout
