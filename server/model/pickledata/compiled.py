"""scikit-learn's and SciPy's own compiled routines, by file, without the Python packages around them.

Nothing here is named by a model file: the list is closed. Each file is loaded alone, in milliseconds: no `__init__` and
no other file of a package runs. If a package was imported before, its own module is used. If it is imported afterwards,
it finds the modules that were loaded here, and works as usual.

The files have no stable interface: another version may read its arguments, which are numbers in memory, in another way.
So they are loaded only from exactly the versions of requirements-server.lock.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

import numpy as np

VERSIONS: Mapping[str, frozenset[str]] = {
    "numpy": frozenset({"2.4.6", "2.5.5"}),
    "scikit_learn": frozenset({"1.9.1"}),
    "scipy": frozenset({"1.17.1", "1.18.1"}),
}
"""By distribution: the versions in requirements-server.lock, which has several where they depend on Python's."""

DISTRIBUTIONS = {"sklearn": "scikit_learn", "scipy": "scipy"}
"""By package."""

BLAS = "scipy.linalg._fblas"
LAPACK = "scipy.linalg._batched_linalg"
SPLINES = "scipy.interpolate._dierckx"
UFUNCS = "scipy.special._special_ufuncs"
PREDICTOR = "sklearn.ensemble._hist_gradient_boosting._predictor"
LIBSVM = "sklearn.svm._libsvm"

FILES: Mapping[str, tuple[str, ...]] = {
    BLAS: (),
    LAPACK: (),
    SPLINES: (),
    UFUNCS: (),
    PREDICTOR: (
        "sklearn._cyutility",
        "sklearn.utils._bitset",
        "sklearn.ensemble._hist_gradient_boosting.common",
    ),
    LIBSVM: (
        "scipy._cyutility",
        "scipy.linalg.cython_blas",
        "sklearn._cyutility",
        "sklearn.utils._cython_blas",
    ),
}
"""The closed list: each compiled file, and those that it imports, in the order in which they are loaded."""


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


class OneThreadRoutine(Routine):
    """A function of SciPy's BLAS, which from then on computes in one thread, as scikit-learn uses it.

    Several threads share a product in other parts, which may change bits. NumPy has a BLAS of its own, which keeps its
    threads.
    """

    @cached_property
    def function(self) -> Any:
        """The function. Raises `MissingRoutineError`."""
        found = super().function
        library = ctypes.CDLL(load_module(self.module).__file__)
        if hasattr(library, "scipy_openblas_set_num_threads"):  # macOS has another BLAS
            library.scipy_openblas_set_num_threads(1)
        return found


_MISSING: list[str] = []


def missing_routine() -> str:
    """Return the first compiled file that could not be loaded, "" if there is none."""
    return _MISSING[0] if _MISSING else ""


EXPIT = Routine(UFUNCS, "expit")
LOGIT = Routine(UFUNCS, "logit")
DIGAMMA = Routine(UFUNCS, "psi")
XLOGY = Routine(UFUNCS, "xlogy")
"""(x, y): x · log(y), with the logarithm of the C library."""
MATRIX_PRODUCT = OneThreadRoutine(BLAS, "dgemm")
"""(alpha, a, b, beta, c, trans_a, trans_b, overwrite_c): alpha · a · b + beta · c, in Fortran's order."""
DOT_PRODUCT = OneThreadRoutine(BLAS, "ddot")
"""(x, y): the sum of their products."""
INVERSE = OneThreadRoutine(LAPACK, "_inv")
"""(matrix, structure, overwrite, lower): the inverse, and a list of faults."""
EVALUATE_SPLINE = Routine(SPLINES, "evaluate_spline")
"""(knots, coefficients, degree, float64 vector in C order, derivative, whether to extrapolate): (values, columns)."""
WALK_TREES = Routine(PREDICTOR, "_predict_from_raw_data")
"""(nodes, float64 rows in C order, raw bitsets, known bitsets, feature map, threads, out): each row's leaf value."""
SVM_PREDICT = Routine(LIBSVM, "predict")
SVM_DECIDE = Routine(LIBSVM, "decision_function")
SVM_PROBABILITIES = Routine(LIBSVM, "predict_proba")


# ---- versions


def require_versions() -> None:
    """Raise ImportError unless the compiled files are those of the lock. This loads none, and takes a millisecond."""
    for package in DISTRIBUTIONS:
        if package not in sys.modules:
            _site_of(package)


def _site_of(package: str) -> str:
    """Return the folder that has the package, of a version of the lock.

    The folder of the metadata has the version in its name. importlib.metadata would take longer than all else here.
    """
    if np.__version__ not in VERSIONS["numpy"]:
        raise ImportError(f"NumPy {np.__version__} is not the one that they were tested with", name="numpy")
    spec = PathFinder.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{package} is not installed", name=package)
    site = os.path.dirname(next(iter(spec.submodule_search_locations)))  # noqa: PTH120 - pathlib takes longer
    distribution = DISTRIBUTIONS[package]
    known = VERSIONS[distribution]
    if not any(os.path.isdir(f"{site}/{distribution}-{version}.dist-info") for version in known):  # noqa: PTH112 - too
        raise ImportError(f"{package} in {site} is not of version {' or '.join(sorted(known))}", name=package)
    return site


# ---- loading


def load_module(name: str) -> ModuleType:
    """Return the module of a compiled file in the closed list.

    Raises:
        ImportError: the file is not here, or is of another version.

    """
    files = FILES.get(name)
    if files is None:
        raise ImportError("it is not in the closed list", name=name)
    with _empty_packages((*files, name)):
        for each in (*files, name):
            if each not in sys.modules:
                _load(each)
    return sys.modules[name]


def _load(name: str) -> None:
    """Load one file alone, or its package's own module if the package was imported."""
    package, *folders, short = name.split(".")
    if package not in _empty:
        importlib.import_module(name)
        return
    stem = "/".join((_site_of(package), package, *folders, short))
    path = next((stem + suffix for suffix in EXTENSION_SUFFIXES if os.path.exists(stem + suffix)), None)  # noqa: PTH110 - as above
    spec = path and spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
    if not spec or spec.loader is None:
        raise ImportError(f"there is no compiled file {stem}", name=name)
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


_empty: set[str] = set()
"""The packages that an empty module stands for now."""


@contextmanager
def _empty_packages(names: tuple[str, ...]) -> Iterator[None]:
    """Put empty modules in place of the packages around the files while these are loaded.

    Without a path they have no submodules, so a file finds only those that were loaded before it. Afterwards they are
    removed, so that the packages themselves can still be imported.
    """
    tops = {name.partition(".")[0] for name in names} - sys.modules.keys()
    for name in names:
        parts = name.split(".")
        for length in range(1, len(parts)):
            package = ".".join(parts[:length])
            if parts[0] in tops and package not in _empty:
                _empty.add(package)
                sys.modules[package] = ModuleType(package)
                sys.modules[package].__path__ = []
    try:
        yield
    finally:
        while _empty:
            del sys.modules[_empty.pop()]


if __name__ == "__main__":  # the image's build: what cannot be loaded alone fails there, and not in a pod
    for compiled_file in FILES:
        load_module(compiled_file)
