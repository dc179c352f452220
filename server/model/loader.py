"""A model file → a model that has answered once, with its schema: read as data, or loaded by joblib."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import structlog

from server.errors import ModelError, first_line
from server.model import estimator_types
from server.model.allow_list import AllowList
from server.model.input_example import read_clues
from server.model.load_policy import LoadPolicy, NotDataError, read_as_data
from server.model.methods import Method, methods_of
from server.model.pickledata.compiled import missing_routine
from server.model.probe_budget import ProbeBudget
from server.model.refusals import refusal_of
from server.model.table_evaluation import evaluated_estimator
from server.model.trials import Trial, try_model
from server.paths import INPUT_EXAMPLE
from server.schema import Schema

log = structlog.get_logger()

SAVED_BY_ANOTHER_VERSION = "saved by another scikit-learn: answers may differ"
"""A log line that README quotes."""

FLOAT32 = "float32"

ADVICE = f"put {INPUT_EXAMPLE} next to the model: a list of rows as clients send them"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready to serve."""

    methods: Mapping[str, Method]
    """Those of `server.schema.METHODS` that the model has: at least one."""
    schema: Schema
    library: str
    """The library that runs the model, such as `sklearn 1.9.1`; for a model that was read as data the one that saved
    it, whose answers it gives."""
    saved_by: str
    """The library that saved it, in the same form."""
    digest: str
    """SHA-256 of the file."""
    loaded: str = LoadPolicy.CODE.value
    """`data` if the file was read, `code` if it was run."""
    needs_code: str = ""
    """Why it was not read as data, where that was tried."""
    families: tuple[str, ...] = ()
    """The classes that were known as data."""
    estimator: Any = None
    """The estimator that was loaded as code and whose own methods are called. Of others only the parts are kept."""


def load(
    path: Path,
    *,
    direct: bool = True,
    example: Path | None = None,
    policy: LoadPolicy = LoadPolicy.AUTO,
    allowed: AllowList | None = None,
) -> LoadedModel:
    """Load the file and warm it up; with `direct`, known estimators are evaluated directly.

    `example` is the owner's example; without it, the one next to the model. `allowed` is what the file may name if it
    is loaded as code; None: anything.

    Raises:
        ModelError: the file cannot be served, or not in the way that the policy demands. The message says what its
            owner should do.

    """
    needs_code = ""
    if policy is not LoadPolicy.CODE:
        try:
            return load_as_data(path, direct=direct, example=example)
        except NotDataError as error:
            if policy is LoadPolicy.DATA:
                raise
            needs_code = error.reason
    estimator, saved_by = unpickle(path, allowed)
    if refusal := refusal_of(estimator):
        raise ModelError(f"{path.name} holds {refusal}")
    clues = read_clues(path.parent, example)
    use_one_job(estimator)
    budget = ProbeBudget()
    trial = try_model(estimator, budget, clues)
    require_sound(estimator, trial, saved_by)
    log_refusal(trial)
    ignore_expected_warnings()
    served, schema = estimator, trial.schema
    if direct and (evaluated := evaluated_estimator(estimator, schema)):
        served, schema = evaluated, replace(schema, named_table=True)
    methods = methods_of(served, schema, budget, direct=direct)
    library = library_of(estimator)
    if needs_code:
        log.info("loaded as code", reason=needs_code)
    return LoadedModel(
        methods,
        schema,
        library,
        saved_by or library,
        digest_of(path),
        LoadPolicy.CODE.value,
        needs_code,
        estimator=estimator if served is estimator else None,
    )


def load_as_data(path: Path, *, direct: bool = True, example: Path | None = None) -> LoadedModel:
    """Read the file as data and warm it up.

    Raises:
        NotDataError: it is not known as data, or a compiled routine that it needs cannot be loaded alone.
        ModelError: it cannot be served in any way.

    """
    estimator = read_as_data(path)
    clues = read_clues(path.parent, example)
    budget = ProbeBudget()
    try:
        trial = try_model(estimator, budget, clues)
        methods = methods_of(estimator, trial.schema, budget, direct=direct)
    finally:  # also after a success: a trial treats the error of a missing routine as a refusal of the model
        if missing := missing_routine():
            raise NotDataError(f"{missing} cannot be loaded alone")
    if FLOAT32 in (trial.schema.dtype, *trial.schema.dtypes):  # many estimators compute in it, and no family does
        raise NotDataError("rows of float32 are not known as data")
    log_refusal(trial)
    ignore_expected_warnings()
    library = f"{estimator_types.library_of(estimator)} {estimator.saved_version}".strip()
    return LoadedModel(
        methods,
        trial.schema,
        library,
        library,
        digest_of(path),
        LoadPolicy.DATA.value,
        families=estimator.classes_inside,
    )


def unpickle(path: Path, allowed: AllowList | None = None) -> tuple[Any, str]:
    """Return the file's object, and the library that saved it if that was another version, else ""."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator = load_skops(path, allowed) if is_skops(path) else load_pickle(path, allowed)
    except ModelError:
        raise
    except Exception as error:  # unpickling runs the file's own code, which may raise anything
        from server.model.load_failure import load_failure  # noqa: PLC0415 - reads files of every compression

        raise ModelError(load_failure(error, path)) from error
    return estimator, log_load_warnings(caught)


def is_skops(path: Path) -> bool:
    """Return whether skops wrote the file, as MLflow does by default."""
    if not is_zipfile(path):
        return False
    try:
        with ZipFile(path) as archive:
            return "schema.json" in archive.namelist()
    except (BadZipFile, NotImplementedError, ValueError):  # its end is that of a zip file, and no more
        return False


def load_pickle(path: Path, allowed: AllowList | None) -> Any:
    """Return the object of a file of joblib or pickle. This runs what the file names, as far as it is allowed."""
    import joblib  # noqa: PLC0415 - slow: the server answers /health meanwhile

    if allowed is None:
        return joblib.load(path)
    from server.model.tripwire import load_allowed  # noqa: PLC0415 - imports joblib

    return load_allowed(path, allowed)


def load_skops(path: Path, allowed: AllowList | None) -> Any:
    """Return the object of a file of skops. This runs what the file names, as unpickling does."""
    skops = importlib.import_module("skops.io")  # of the model's requirements.txt
    names = skops.get_untrusted_types(file=path)
    if allowed:
        for name in names:
            allowed.require(name, path.name)
    return skops.load(path, trusted=names)


def use_one_job(estimator: Any) -> None:
    """Make an estimator and all estimators inside it predict in the thread that calls them.

    Several jobs sum a forest's trees in the order in which they happen to finish, which rounds differently each time.
    And starting them takes longer than a small prediction.
    """
    with contextlib.suppress(Exception):  # not of scikit-learn, or unusual: then it keeps its jobs
        jobs = [name for name in estimator.get_params() if name == "n_jobs" or name.endswith("__n_jobs")]
        estimator.set_params(**dict.fromkeys(jobs, 1))
    if hasattr(estimator, "best_estimator_"):
        use_one_job(estimator.best_estimator_)


def log_load_warnings(caught: list[warnings.WarningMessage]) -> str:
    """Log the warnings of a load, and return the library that saved the file if that was another version, else "".

    scikit-learn warns of another version once for each estimator in the file. That is logged once, with advice.
    """
    from server.model.load_failure import advice_of  # noqa: PLC0415 - as above

    other = ""
    for message in (warning.message for warning in caught):
        saved = getattr(message, "original_sklearn_version", None)
        if saved is None:
            log.warning("warning while loading", warning=first_line(message))
        elif not other:
            here = getattr(message, "current_sklearn_version", "another")
            log.warning(SAVED_BY_ANOTHER_VERSION, saved=saved, here=here, advice=advice_of(saved))
            other = f"sklearn {saved}"
    return other


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_sound(estimator: Any, trial: Trial, saved_by: str) -> None:
    """Raise ModelError if the model cannot answer any row: it was never fitted, or lacks a part of itself."""
    refusal = trial.refusal
    if type(refusal).__name__ == "NotFittedError" or (not trial.schema.example_row and not is_fitted(estimator)):
        raise ModelError(f"the {type(estimator).__name__} was never fitted: save it after fit()") from refusal
    if isinstance(refusal, AttributeError) and estimator_types.is_of_scikit_learn(refusal.obj, "BaseEstimator"):
        kind, name = type(refusal.obj).__name__, refusal.name
        if type(refusal.obj).__module__.startswith("sklearn."):
            from server.model.load_failure import advice_of  # noqa: PLC0415 - as above

            advice = advice_of(saved_by.removeprefix("sklearn ")) or "train with the version that serves it"
            reason = f"its {kind} has no {name}, so another version of scikit-learn saved it"
            raise ModelError(f"the model cannot predict: {reason}: {advice}") from refusal


def log_refusal(trial: Trial) -> None:
    """Log that the model refused an invented row, which shows nothing, or that there was none to try."""
    if trial.refusal:
        reason = first_line(trial.refusal)
        log.info("the model refused an invented row, which shows nothing", reason=reason, advice=ADVICE)
    elif not trial.schema.example_row:
        log.info("no warm-up: the model does not say what it takes", advice=ADVICE)


def is_fitted(estimator: Any) -> bool:
    """Return whether the estimator was fitted, as far as it can be known without a prediction.

    Only classes of scikit-learn, and those that say so themselves, are asked: others may keep what they learn anywhere.
    """
    if not hasattr(estimator, "__sklearn_is_fitted__") and not type(estimator).__module__.startswith("sklearn."):
        return True
    if isinstance(getattr(estimator, "steps", None), list) and estimator.steps:
        return is_fitted(estimator.steps[-1][1])
    from sklearn.exceptions import NotFittedError  # noqa: PLC0415 - loaded with the model
    from sklearn.utils.validation import check_is_fitted  # noqa: PLC0415 - loaded with the model

    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    except Exception:  # noqa: BLE001 - no estimator of scikit-learn's kind
        return True
    return True


def ignore_expected_warnings() -> None:
    """Ignore that arrays have no feature names, since their order is the schema's, and that huge numbers overflow."""
    warnings.filterwarnings("ignore", message="(overflow|invalid value) encountered", category=RuntimeWarning)
    warnings.filterwarnings("ignore", message="X does not have valid feature names", category=UserWarning)


def library_of(estimator: Any) -> str:
    """Return the estimator's library and its version, such as `sklearn 1.9.1`."""
    name = type(estimator).__module__.partition(".")[0]
    return f"{name} {getattr(sys.modules.get(name), '__version__', '')}".strip()
