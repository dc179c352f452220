"""What is installed for a requirements.txt beyond its letters: for NumPy 2, and for files that MLflow wrote. Pure."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from requirements_txt.parsing import Package

NUMPY_2 = {"pandas": "2.2.2", "scikit-learn": "1.4.2", "scipy": "1.13.0", "statsmodels": "0.14.2"}
"""The first versions that run with NumPy 2. The metadata of many earlier ones does not exclude it."""

OF_MLFLOW = frozenset({"mlflow", "mlflow-skinny", "mlflow-tracing"})
"""MLflow's own packages, which saved the model. No part of the model needs them, and they are large."""


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
    return [*packages, Package("numpy", versions="<2")] if is_old else packages


def _is_before(versions: str, first: str) -> bool:
    """Return whether the specifier allows only versions before `first`."""
    for item in SpecifierSet(versions):
        version = Version(item.version.removesuffix(".*"))
        if item.operator in ("==", "<=") and version < Version(first):
            return True
        if item.operator == "<" and version <= Version(first):
            return True
    return False
