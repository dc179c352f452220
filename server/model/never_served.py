"""Reasons why a file that is not known as data cannot be served as code either, found without running it.

`kubeserve push` asks before the upload. Only what is certain is a reason: another class may do anything in its pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from server.model.load_failure import missing_name
from server.model.pickledata.files import read
from server.model.pickledata.records import Name, Record, Unknown, Unreadable
from server.model.refusals import COLLECTION, LABELS_ONLY, PLACES_ONLY, refusal_of, with_article

SCIKIT_LEARN = "sklearn."
SCRIPT = ("__main__.", "__mp_main__.")
"""Beginnings of the names that only the script or notebook has that saved the file."""

MAPPINGS = frozenset({"collections.OrderedDict", "collections.defaultdict", "sklearn.utils._bunch.Bunch"})
"""Kinds of dict."""
WITHOUT_FITTED_STATE = frozenset(
    {
        *("AdditiveChi2Sampler", "Binarizer", "FeatureHasher", "FeatureUnion", "FrozenEstimator"),
        *("FunctionTransformer", "GaussianProcessRegressor", "HashingVectorizer", "Normalizer", "PatchExtractor"),
        *("CountVectorizer", "TfidfVectorizer"),  # with the parameter `vocabulary`
    }
)
"""Estimators of scikit-learn that may answer without an attribute that fit() has set."""
ONLY_FIT_PREDICT = frozenset({"AgglomerativeClustering", "DBSCAN", "HDBSCAN", "OPTICS", "SpectralClustering"})
ONLY_FIT_TRANSFORM = frozenset({"ClassicalMDS", "MDS", "SpectralEmbedding", "TSNE"})


def never_served(path: Path) -> str:
    """Return why no server can serve the file, and what to do; "" if that is not certain."""
    try:
        found = read(path)
    except (Unknown, Unreadable, OSError):
        return ""
    if own := next(filter(None, map(_of_script, _names(found))), ""):
        return missing_name(own, SCRIPT[0].rstrip("."), path)
    refusal = _refusal_of_record(found) if type(found) in (Record, Name) else refusal_of(found)
    return f"the file holds {refusal}" if refusal else ""


def _of_script(name: str) -> str:
    """Return the name within the script, or "" for a name of a module."""
    return next((name.removeprefix(start) for start in SCRIPT if name.startswith(start)), "")


def _names(value: Any) -> list[str]:
    """Return the names of all classes and functions in a value, each once."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    stack = [value]
    while stack:
        each = stack.pop()
        if type(each) is Name:
            found[each.text] = None
        elif type(each) in (Record, dict, list, tuple, set, frozenset) and id(each) not in seen:
            seen.add(id(each))
            if type(each) is Record:
                found[each.name] = None
            stack += _parts(each)
    return list(found)


def _parts(value: Any) -> list[Any]:
    if type(value) is Record:
        return [value.args, value.state, value.items, value.pairs]
    return list(chain.from_iterable(value.items())) if type(value) is dict else list(value)


def _refusal_of_record(found: Record | Name) -> str:
    """Return what is wrong with an object of scikit-learn, as the end of "the file holds …"; "" for any other."""
    if type(found) is Name:
        name = found.text.rpartition(".")[2]
        is_class = found.text.startswith(SCIKIT_LEARN) and name[:1].isupper()
        return f"the class {name}, not an object of it: save the model that fit() returned" if is_class else ""
    assert type(found) is Record
    name = found.name.rpartition(".")[2]
    if found.name in MAPPINGS:
        return f"{with_article(name)}{COLLECTION}"
    if not found.name.startswith(SCIKIT_LEARN):
        return ""
    if name in ONLY_FIT_PREDICT:
        return f"{with_article(name)}{LABELS_ONLY}"
    if name in ONLY_FIT_TRANSFORM:
        return f"{with_article(name)}{PLACES_ONLY}"
    return "" if _is_fitted(found) else f"{with_article(name)} that was never fitted: save it after fit()"


def _is_fitted(estimator: Record) -> bool:
    """Return whether fit() has set an attribute, as scikit-learn's `check_is_fitted` decides it. True if not known."""
    state = estimator.state if isinstance(estimator.state, Mapping) else None
    if state is None or estimator.name.rpartition(".")[2] in WITHOUT_FITTED_STATE:
        return True
    if "steps" in state:
        return _is_fitted_pipeline(state["steps"])
    return any(type(key) is str and key.endswith("_") and not key.startswith("__") for key in state)


def _is_fitted_pipeline(steps: Any) -> bool:
    """Return whether the last step of a pipeline is fitted. True if that is not known."""
    last = steps[-1] if type(steps) is list and steps else None
    step = last[1] if type(last) is tuple and len(last) == 2 else None  # noqa: PLR2004 - a name and an estimator
    return type(step) is not Record or not step.name.startswith(SCIKIT_LEARN) or _is_fitted(step)
