"""Write the files of one version of scikit-learn and the answers that it gives: `python -m tests.corpus.make FOLDER`.

It runs in that version's environment (`versions`), from the root of the repository: nothing else of it is imported.

FOLDER/INDEX.json         name → group, file, kind of inputs; and what this version could not fit, with the reason
FOLDER/inputs.pickle      kind → input name → input
FOLDER/N.answers.pickle   (method, input name) → answer, or ("error", type, first line)
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from tests.corpus import compositions, estimators
from tests.corpus.estimators import Entry
from tests.corpus.inputs import KEPT_OF_MANY, MANY_ROWS, TRAINING, hostile, targets

METHODS = ("predict", "predict_proba", "decision_function", "score_samples", "transform")
"""Those of `server.schema`, which needs packages that this environment lacks. A test compares the two."""

COMPRESSIONS: tuple[Any, ...] = (("zlib", 3), ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3))
PROTOCOLS = (0, 2, 3, 4, 5)


def as_fitted(X: Any) -> Any:
    """Return training data as the models take it: a table as a DataFrame, whose dtypes pandas chooses."""
    return pd.DataFrame(X) if isinstance(X, dict) else X


def as_given(X: Any) -> Any:
    """Return an input as the server gives it: the columns of a DataFrame keep their dtypes."""
    if not isinstance(X, dict):
        return X
    return pd.DataFrame({name: pd.Series(column, dtype=column.dtype) for name, column in X.items()})


def entries() -> Iterator[tuple[str, Entry]]:
    """Yield (group, entry) of every model."""
    for groups in (estimators.GROUPS, compositions.GROUPS):
        for group, make in groups.items():
            for entry in make():
                yield group, entry


def main(folder: Path) -> None:
    """Write the corpus of the version that this environment has."""
    folder.mkdir(parents=True, exist_ok=True)
    inputs = {kind: hostile(kind) for kind in TRAINING}
    (folder / "inputs.pickle").write_bytes(pickle.dumps(inputs))
    training = {kind: make(np.random.default_rng(0)) for kind, make in TRAINING.items()}
    target = targets(np.random.default_rng(1))
    models: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for number, (group, (name, model, kind, wanted)) in enumerate(entries()):
        try:
            model.fit(as_fitted(training[kind]), target[wanted])
        except Exception as error:  # noqa: BLE001 - an older version may lack what a newer one learned
            failed[name] = f"{type(error).__name__}: {_first_line(error)}"
            continue
        file, answers = f"{number}.joblib", f"{number}.answers.pickle"
        joblib.dump(model, folder / file)
        # Arrays may have another order in memory once they are loaded, in which BLAS adds in another order.
        loaded = joblib.load(folder / file)
        (folder / answers).write_bytes(pickle.dumps(answers_of(loaded, inputs[kind])))
        models[name] = {"group": group, "file": file, "kind": kind, "answers": answers}
        models.update(_containers(folder, name, model, models[name]))
    index = json.dumps({"models": models, "failed": failed}, indent=1)
    (folder / "INDEX.json").write_text(index)


def _containers(folder: Path, name: str, model: Any, entry: dict[str, str]) -> dict[str, Any]:
    """Write some models in other containers, too, and return their entries."""
    found = {}
    if name in ("RandomForestClassifier, three", "table, LogisticRegression"):
        for method, level in COMPRESSIONS:
            file = f"{entry['file']}.{method}"
            joblib.dump(model, folder / file, compress=(method, level))
            found[f"{name}, {method}"] = {**entry, "file": file, "group": "compressed files"}
    if name in ("RandomForestClassifier, three", "StandardScaler, LogisticRegression"):
        for protocol in PROTOCOLS:
            file = f"{entry['file']}.protocol-{protocol}"
            (folder / file).write_bytes(pickle.dumps(model, protocol))
            found[f"{name}, pickle {protocol}"] = {**entry, "file": file, "group": "files of pickle"}
    return found


def answers_of(model: Any, inputs: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """Return what each method of the model answers to each input."""
    return {
        (method, name): answer(getattr(model, method), as_given(X), name)
        for method in METHODS
        if hasattr(model, method)
        for name, X in inputs.items()
    }


def answer(call: Any, X: Any, name: str) -> Any:
    """Return the answer, or the type and the first line of the error."""
    try:
        with np.errstate(all="ignore"):
            found = call(X)
    except Exception as error:  # noqa: BLE001 - every refusal is compared
        return ("error", type(error).__name__, _first_line(error))
    kept = slice(None, None, KEPT_OF_MANY if name == f"{MANY_ROWS} rows" else 1)
    found = found.toarray() if hasattr(found, "toarray") else found
    return [each[kept] for each in found] if isinstance(found, list) else found[kept]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
