"""How many threads the numerical libraries start. They ask when they are loaded, so this must come before NumPy."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


def limit_threads(count: int, environment: MutableMapping[str, str] = os.environ) -> None:
    """Have OpenMP, BLAS and joblib use `count` threads, unless the environment says otherwise already.

    By themselves they start one for each core of the host: in a container with one CPU of a host's 64, the 64 threads
    of a single product take turns on it, and each waits for all.
    """
    for variable in VARIABLES:
        environment.setdefault(variable, str(count))
