"""Words for a file that does not load: why, and what its owner should do. Each is one line."""

from __future__ import annotations

import importlib.metadata
import pickle
import re
import sys
from pathlib import Path

from server.errors import first_line
from server.model.saved_version import saved_version
from server.packages import OWN

PYPI = {
    "bs4": "beautifulsoup4",
    "category_encoders": "category-encoders",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "feature_engine": "feature-engine",
    "imblearn": "imbalanced-learn",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "sentence_transformers": "sentence-transformers",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "skopt": "scikit-optimize",
    "sksurv": "scikit-survival",
    "surprise": "scikit-surprise",
    "umap": "umap-learn",
    "yaml": "pyyaml",
    **{
        name: name
        for name in (
            *("catboost", "cloudpickle", "dill", "gensim", "hdbscan", "keras", "lightgbm", "mlxtend", "networkx"),
            *("ngboost", "nltk", "numba", "numpy", "onnxruntime", "optuna", "pandas", "polars", "prophet", "pyarrow"),
            *(
                "scipy",
                "shap",
                "skops",
                "skorch",
                "sktime",
                "spacy",
                "statsmodels",
                "tensorflow",
                "torch",
                "transformers",
            ),
            *("tsfresh", "xgboost"),
        )
    },
}
"""By the module that is imported: the package that has it. A module that is not here may be the owner's own."""

FIRST_FOR_PYTHON = {(3, 11): (1, 1, 3), (3, 12): (1, 3, 1), (3, 13): (1, 5, 2), (3, 14): (1, 7, 2)}
"""The first scikit-learn with wheels for each Python."""

MISSING_NAME = re.compile(r"Can't get attribute '([^']+)' on <module '([^']+)'")
"""What pickle says of a class or function that a module does not have."""

OTHER_NUMPY = re.compile(
    r"numpy\.dtype size changed|numpy\.core\.multiarray failed to import|compiled using NumPy 1"
    r"|is not a known BitGenerator|_ARRAY_API not found"
)
OTHER_PYTHON = re.compile(r"^code(\(\))? (argument|expected)|^bad marshal data|^unknown opcode")
MAX_NAME = 100
"""Characters of a name from the file that are shown."""


def load_failure(error: Exception, path: Path) -> str:
    """Return why the file at `path` does not load, by what its unpickling raised."""
    if isinstance(error, FileNotFoundError) and error.filename == str(path):
        return f"there is no file {path}"
    return import_failure(error, path) or version_failure(error, path) or not_a_model(error, path)


def import_failure(error: Exception, path: Path) -> str:
    """Return what to do about a module, a class or a function that is not here; "" if nothing of that is missing."""
    if OTHER_NUMPY.search(str(error)):  # raised as an ImportError or as a ValueError
        return (
            f"the packages do not fit NumPy {version_of('numpy')}: put the numpy that the model was trained with into "
            f"requirements.txt, such as numpy<2 ({first_line(error)})"
        )
    if found := MISSING_NAME.search(str(error)):
        return missing_name(found[1][:MAX_NAME], found[2][:MAX_NAME], path)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return missing_module(error.name[:MAX_NAME], path)
    if isinstance(error, ImportError) and error.name:
        return not_importable(error, error.name[:MAX_NAME], path)
    return ""


def version_failure(error: Exception, path: Path) -> str:
    """Return what to do about a file of another Python or scikit-learn; "" if it is of this one."""
    if OTHER_PYTHON.search(str(error)):
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"the file holds functions saved by another Python: save it with Python {here} ({first_line(error)})"
    if advice := advice_of(saved_version(path)):
        return f"scikit-learn {version_of('scikit-learn')} cannot load this file: {advice} ({first_line(error)})"
    return ""


def not_a_model(error: Exception, path: Path) -> str:
    """Return the error's own text. A KeyError's is only the key, so the type stands before it."""
    is_sentence = isinstance(error, pickle.UnpicklingError | EOFError | ValueError)
    text = first_line(error) if is_sentence else f"{type(error).__name__}: {first_line(error)}"
    return f"{path.name} is not a model that joblib can load: {text}"


def missing_module(name: str, path: Path) -> str:
    """Return what to do about a module that does not exist here: a version, a package, or the owner's own code."""
    top = name.partition(".")[0]
    if name != top and top in sys.modules:
        return other_version(name, top, path)
    if top in PYPI:
        return f"the model needs the package '{top}': put {PYPI[top]} into requirements.txt next to the model"
    return (
        f"the model needs the module '{top}'. If it is a package, put it into requirements.txt next to the model. "
        f"If it is your own code, call cloudpickle.register_pickle_by_value({top}) and save the model by "
        "cloudpickle.dump, or put a wheel of it on your package index"
    )


def missing_name(name: str, module: str, path: Path) -> str:
    """Return what to do about a class or function that its module does not have."""
    if module.rpartition(".")[2] in ("__main__", "__mp_main__") or module == _own_program():
        return (
            f"the model needs {name}, which was defined in the script or notebook that saved it: save the model with "
            f"cloudpickle.dump, or move {name} into a package and put that into requirements.txt"
        )
    return other_version(f"{module}.{name}", module.partition(".")[0], path)


def _own_program() -> str:
    """Return the name under which Python shows this process's `__main__`, such as `server.check` (`python -m …`)."""
    return getattr(getattr(sys.modules["__main__"], "__spec__", None), "name", "")


def not_importable(error: ImportError, name: str, path: Path) -> str:
    """Return what to do about a module that raises ImportError itself."""
    top = name.partition(".")[0]
    if top in OWN:
        return (
            f"a package of the model needs another {top} than the server's own, which requirements.txt cannot replace: "
            f"name a version of the package that works with it ({first_line(error)})"
        )
    if advice := advice_of(saved_version(path)) if top == "sklearn" else "":
        return f"the file does not fit scikit-learn {version_of('scikit-learn')}: {advice} ({first_line(error)})"
    package = PYPI.get(top, top)
    return (
        f"the module '{name}' cannot be imported: put the versions of {package} and of what it needs, as the model was "
        f"trained with, into requirements.txt ({first_line(error)})"
    )


def other_version(missing: str, top: str, path: Path) -> str:
    """Return what to do where an installed package lacks a part that the file needs."""
    package = PYPI.get(top, top)
    lacks = f"the file needs {missing}, which {package} {version_of(package)} does not have".replace("  ", " ")
    if top == "numpy":
        generation = "numpy>=2" if missing.startswith("numpy._core") else "numpy<2"
        return f"{lacks}: put the numpy that saved it into requirements.txt, such as {generation}"
    if top == "sklearn" and (advice := advice_of(saved_version(path))):
        return f"{lacks}: {advice}"
    return f"{lacks}: put the {package} that saved it into requirements.txt, such as {package}==VERSION"


def advice_of(saved: str) -> str:
    """Return what to do with a file that scikit-learn `saved` wrote; "" if that version is unknown or installed."""
    here = version_of("scikit-learn")
    if not saved or saved == here:
        return ""
    first = FIRST_FOR_PYTHON.get(sys.version_info[:2], ())
    if tuple(map(int, re.findall(r"\d+", saved)[:3])) < first:
        python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        return f"scikit-learn {saved} saved it and is too old for {python}, so train with {here}"
    return f"put scikit-learn=={saved}, which saved it, into requirements.txt, or train with {here}"


def version_of(package: str) -> str:
    """Return the version of an installed package, "" if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""
