"""The packages that a model needs beyond those of its server, by the classes that its pickle names."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Any

from kubeserve.errors import Error

SCIKIT_LEARN = "1.9.1"
"""The version in the image of this release, as requirements-server.lock has it."""

OF_THE_SERVER = frozenset({"joblib", "numpy", "scipy", "sklearn"})
"""The modules that every server has; scikit-learn's version is compared."""


CLOUDPICKLE = "cloudpickle"
OWN_CODE = "__main__"
"""The module of what was defined in a notebook or script: only cloudpickle can save it."""


def modules_of(model: Any) -> set[str]:
    """Return the top-level modules that the model's pickle names; `cloudpickle` is one if it is needed to save it."""
    modules, is_complete = _recorded(model, pickle.Pickler)
    if is_complete and OWN_CODE not in modules:
        return modules
    try:
        import cloudpickle  # noqa: PLC0415 - only for models that need it
    except ImportError:
        return modules
    return (_recorded(model, cloudpickle.Pickler)[0] - {OWN_CODE}) | {CLOUDPICKLE}


def _recorded(model: Any, pickler: Any) -> tuple[set[str], bool]:
    """Pickle into nothing. Return the modules of all classes and functions, and whether it came to the end."""
    modules = set[str]()

    class Recorder(pickler):  # type: ignore[misc] # one of two base classes
        def persistent_id(self, obj: Any) -> Any:
            """Record an object. Numbers in arrays name nothing, so they are left out."""
            named = obj if isinstance(obj, type) or callable(obj) else type(obj)
            modules.add(str(getattr(named, "__module__", None) or "builtins").partition(".")[0])
            is_plain = type(obj).__module__ == "numpy" and type(obj).__name__ == "ndarray" and obj.dtype.kind != "O"
            return "array" if is_plain else None

    try:
        Recorder(io.BytesIO(), protocol=pickle.HIGHEST_PROTOCOL).dump(model)
    except Exception:  # noqa: BLE001 - the saving itself will say what is wrong
        return modules, False
    return modules, True


def requirements_of(
    modules: Iterable[str],
    *,
    named_columns: bool,
    version: Callable[[str], str] = metadata.version,
    distributions: Callable[[], Any] = metadata.packages_distributions,
) -> list[str]:
    """Return the lines of requirements.txt for a model of these modules, as they are installed here.

    `named_columns` says that the model was trained on a DataFrame: as code it needs one.

    Raises:
        Error: `OwnModule`, a module belongs to no package that could be installed.

    """
    wanted = {name for name in modules if name not in sys.stdlib_module_names} - OF_THE_SERVER
    if named_columns:
        wanted.add("pandas")
    known, lines = distributions(), set[str]()
    for module in wanted:
        if not known.get(module):
            advice = "put it into a package and name that in requirements=, or save the model with cloudpickle"
            raise Error("OwnModule", f"the model needs the module {module}, which is no installed package: {advice}")
        name = known[module][0]
        lines.add(f"{name}=={version(name)}")
    if "sklearn" in set(modules) and _minor(version("scikit-learn")) != _minor(SCIKIT_LEARN):
        lines.add(f"scikit-learn=={version('scikit-learn')}")
    return sorted(lines)


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
