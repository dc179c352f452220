"""A joblib file → a model that is known to answer, with its schema."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from server.errors import ModelError, first_line
from server.model.introspection import example_input, schema_of
from server.model.methods import Method, methods_of
from server.paths import PACKAGES
from server.schema import Schema

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """`methods` holds `predict`, and whichever else of `server.schema.METHODS` the model has."""

    methods: Mapping[str, Method]
    schema: Schema
    library: str
    """Such as `sklearn 1.9.1`: what runs it."""
    saved_by: str
    """The same of what saved it."""
    digest: str
    """SHA-256 of the file."""


def load(path: Path, *, direct: bool = True) -> LoadedModel:
    """Load and warm up; with `direct`, what can be evaluated directly will be.

    Raises:
        ModelError: in words that its owner can act on.

    """
    estimator, saved_by = read(path)
    if not callable(getattr(estimator, "predict", None)):
        raise ModelError(f"{path.name} holds a {type(estimator).__name__}, which has no predict()")
    use_one_job(estimator)
    schema = schema_of(estimator)
    calls = warmed_up(estimator, schema)
    methods = methods_of(estimator, calls, schema, direct=direct)
    library = library_of(estimator)
    return LoadedModel(methods, schema, library, saved_by or library, digest_of(path))


def read(path: Path) -> tuple[Any, str]:
    """Unpickle the file, with its own packages first; also what saved it, if that was another version."""
    import joblib  # noqa: PLC0415 - slow: the server answers /health meanwhile

    packages = path.parent / PACKAGES
    if packages.is_dir() and str(packages) not in sys.path:
        sys.path.insert(0, str(packages))
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator = joblib.load(path)
    except FileNotFoundError as error:
        raise ModelError(f"there is no file {path}") from error
    except ModuleNotFoundError as error:
        raise ModelError(
            f"the model needs the package '{error.name}': put it into requirements.txt beside the model"
        ) from error
    except Exception as error:  # unpickling runs the file's own code: anything may come
        raise ModelError(f"{path.name} is not a model that joblib can load: {first_line(error)}") from error
    others = [report(warning.message) for warning in caught]
    return estimator, next(filter(None, others), "")


def use_one_job(estimator: Any) -> None:
    """Have an estimator and all in it predict in the thread that calls it.

    Several jobs add a forest's trees in the order in which they happen to finish, which rounds otherwise each time; and
    starting them takes longer than a small prediction.
    """
    with contextlib.suppress(Exception):  # not of scikit-learn, or odd: then it keeps what it has
        jobs = [name for name in estimator.get_params() if name == "n_jobs" or name.endswith("__n_jobs")]
        estimator.set_params(**dict.fromkeys(jobs, 1))
    if hasattr(estimator, "best_estimator_"):
        use_one_job(estimator.best_estimator_)


def report(warning: Warning | str) -> str:
    """Say in words what a version mismatch means, and return that version; other warnings as they are."""
    saved = getattr(warning, "original_sklearn_version", None)
    if saved is None:
        log.warning("while loading", warning=first_line(warning))
        return ""
    here = getattr(warning, "current_sklearn_version", "another")
    advice = f"put scikit-learn=={saved} into requirements.txt, or train with {here}"
    log.warning("saved by another scikit-learn: answers may differ", saved=saved, here=here, advice=advice)
    return f"sklearn {saved}"


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def warmed_up(estimator: Any, schema: Schema) -> dict[str, Callable[[Any], Any]]:
    """The ways to call this model, `predict` tried once on the schema's example.

    A ValueError is no verdict: the example may not suit the model. Anything else is one.
    """
    methods = {name: getattr(estimator, name) for name in schema.methods}
    if not schema.example:
        require_fitted(estimator)
        log.info("no warm-up: the model does not say how many features it takes")
        return methods
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "X does not have valid feature names": the order is the schema's
            estimator.predict(example_input(schema))
    except Exception as error:  # noqa: BLE001 - the model's own code: anything may come
        judge(error)
    be_quiet()
    return methods


def require_fitted(estimator: Any) -> None:
    """An estimator that was never fitted says nothing of its features either: ask scikit-learn."""
    if not hasattr(estimator, "__sklearn_tags__"):
        return
    from sklearn.exceptions import NotFittedError  # noqa: PLC0415 - loaded with the model
    from sklearn.utils.validation import check_is_fitted  # noqa: PLC0415 - loaded with the model

    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise ModelError(f"the {type(estimator).__name__} was never fitted: save it after fit()") from error


def judge(error: Exception) -> None:
    """Raise what shows a broken model; only warn of what may be the example's fault."""
    if isinstance(error, ValueError) and type(error).__name__ != "NotFittedError":
        log.warning("the warm-up input was refused", reason=first_line(error))
        return
    raise ModelError(f"the model cannot predict: {type(error).__name__}: {first_line(error)}") from error


def be_quiet() -> None:
    """No warning that arrays carry no names, since their order is the schema's; nor that huge numbers overflow."""
    warnings.filterwarnings("ignore", message="(overflow|invalid value) encountered", category=RuntimeWarning)
    warnings.filterwarnings("ignore", message="X does not have valid feature names", category=UserWarning)


def library_of(estimator: Any) -> str:
    """Such as `sklearn 1.9.1`."""
    name = type(estimator).__module__.partition(".")[0]
    return f"{name} {getattr(sys.modules.get(name), '__version__', '')}".strip()
