"""scikit-learn's and SciPy's own compiled routines, by file, without the Python packages around them.

Nothing here is named by a model file: the list is closed. If a package was imported before, its own module is used. If
it is imported afterwards, it finds the modules that were loaded here, and works as usual.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

SITE = os.path.dirname(os.path.dirname(np.__file__))  # noqa: PTH120 - pathlib takes longer than the rest of this file
"""The folder of the packages: NumPy's. An environment that has them elsewhere has no routines alone."""

VERSIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "scipy": ("scipy", ("1.17.", "1.18.")),
    "sklearn": ("scikit_learn", ("1.9.",)),
}
"""By package: the name of its installation, and the versions whose files are loaded alone: those of the image. Another
version may read its arguments, which are numbers in memory, in another way."""


class MissingRoutineError(ImportError):
    """A compiled file cannot be loaded alone: it is not here, or is of another version."""


class Routine:
    """A compiled function. Its file is loaded at the first call, which is the warm-up's."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    @cached_property
    def function(self) -> Any:
        """The function. Raises `MissingRoutineError`."""
        try:
            return getattr(load_module(self.module), self.name)
        except Exception as error:
            _MISSING.append(self.module)
            raise MissingRoutineError(f"{self.module} cannot be loaded alone: {error}") from error

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)


_MISSING: list[str] = []


def missing_routine() -> str:
    """Return the first compiled file that could not be loaded, "" if there is none."""
    return _MISSING[0] if _MISSING else ""


def load_module(name: str) -> ModuleType:
    """Return a compiled module; none of the packages that it is in is imported.

    Raises:
        ImportError: the file is not here, or is of another version.

    """
    package = name.partition(".")[0]
    if package in sys.modules or name in sys.modules:
        return importlib.import_module(name)
    with _empty_packages(name):
        return importlib.import_module(name)


@contextmanager
def _empty_packages(name: str) -> Iterator[None]:
    """Stand empty modules in for the packages that a compiled file and those that it needs are in.

    They are taken away afterwards, so that the packages themselves can still be imported.
    """
    made = []
    for package in PACKAGES[name]:
        if package in sys.modules:
            continue
        if package in VERSIONS:
            _require_version(package)
        module = ModuleType(package)
        module.__path__ = [os.path.join(SITE, *package.split("."))]  # noqa: PTH118 - as above
        sys.modules[package] = module
        made.append(package)
    try:
        yield
    finally:
        for package in made:
            del sys.modules[package]


def _require_version(package: str) -> None:
    """Raise ImportError unless the installed version of the package is one of those in VERSIONS."""
    installation, known = VERSIONS[package]
    ending = ".dist-info"
    found = [entry for entry in os.listdir(SITE) if entry.startswith(f"{installation}-") and entry.endswith(ending)]  # noqa: PTH208 - as above
    versions = [entry.removeprefix(f"{installation}-").removesuffix(ending) for entry in found]
    if len(versions) != 1 or not versions[0].startswith(known):
        raise ImportError(f"{package} {' and '.join(versions) or 'without a version'} is not one that is known")


_PREDICTOR = "sklearn.ensemble._hist_gradient_boosting._predictor"
_LIBSVM = "sklearn.svm._libsvm"
_UFUNCS = "scipy.special._special_ufuncs"

PACKAGES: Mapping[str, tuple[str, ...]] = {
    _PREDICTOR: ("sklearn", "sklearn.ensemble", "sklearn.ensemble._hist_gradient_boosting", "sklearn.utils"),
    _LIBSVM: ("sklearn", "sklearn.svm", "sklearn.utils", "scipy", "scipy.linalg"),
    _UFUNCS: ("scipy", "scipy.special"),
}
"""The packages of each compiled file and of those that it loads itself, the outer ones first."""

EXPIT = Routine(_UFUNCS, "expit")
WALK_TREES = Routine(_PREDICTOR, "_predict_from_raw_data")
"""(nodes, float64 rows in C order, raw bitsets, known bitsets, feature map, threads, out): each row's leaf value."""
SVM_PREDICT = Routine(_LIBSVM, "predict")
SVM_DECIDE = Routine(_LIBSVM, "decision_function")
SVM_PROBABILITIES = Routine(_LIBSVM, "predict_proba")
