"""The versions of scikit-learn whose files are compared, each with libraries of its time."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from dev import venvs

_2023 = ("numpy==1.26.4", "scipy==1.11.4", "pandas==2.1.4", "joblib==1.3.2")
_2024 = ("numpy==2.2.6", "scipy==1.15.3", "pandas==2.2.3", "joblib==1.4.2")
_2025 = ("numpy==2.3.5", "scipy==1.16.3", "pandas==2.3.3", "joblib==1.5.2")

OLDER: Mapping[str, tuple[str, ...]] = {
    "1.3.2": _2023,
    "1.4.2": _2023,
    "1.5.2": _2024,
    "1.6.1": _2024,
    "1.7.2": _2025,
    "1.8.0": _2025,
}
"""Few different sets, so that little is downloaded."""

LOCKED = metadata.version("scikit-learn")
"""The version of requirements.lock, which the image has. Its files are made in the environment that runs the tests."""

ALL = (*OLDER, LOCKED)


def requirements(version: str) -> tuple[str, ...]:
    """Return everything that the answers depend on, pinned."""
    if version == LOCKED:
        names = ("numpy", "scipy", "pandas", "joblib")
        return (f"scikit-learn=={LOCKED}", *(f"{name}=={metadata.version(name)}" for name in names))
    return (f"scikit-learn=={version}", *OLDER[version])


def python(version: str) -> Path:
    """Return the Python of the version's environment, created once.

    Raises:
        venvs.VenvUnavailable: The reason in one sentence.

    """
    return Path(sys.executable) if version == LOCKED else venvs.venv("corpus", *requirements(version))
