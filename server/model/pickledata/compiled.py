"""scikit-learn's and SciPy's own compiled routines, by file, without the Python packages around them.

Nothing here is named by a model file: the list is closed. If a package was imported before, its own module is used.
"""

from __future__ import annotations

import importlib
from functools import cached_property
from typing import Any


class Routine:
    """A compiled function. Its file is loaded at the first call, which is the warm-up's."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    @cached_property
    def function(self) -> Any:
        """The function. Raises ImportError where the file is missing or of another version."""
        return getattr(importlib.import_module(self.module), self.name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)


EXPIT = Routine("scipy.special", "expit")
WALK_TREES = Routine("sklearn.ensemble._hist_gradient_boosting._predictor", "_predict_from_raw_data")
"""(nodes, float64 rows in C order, raw bitsets, known bitsets, feature map, threads, out): each row's leaf value."""
SVM_PREDICT = Routine("sklearn.svm._libsvm", "predict")
SVM_DECIDE = Routine("sklearn.svm._libsvm", "decision_function")
SVM_PROBABILITIES = Routine("sklearn.svm._libsvm", "predict_proba")
