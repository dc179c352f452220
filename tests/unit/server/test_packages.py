"""Which modules come from the packages of requirements.txt, and which stay those of the server or of Python."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from server.packages import OWN, use

PROGRAM = """
import sys
from importlib import import_module
from pathlib import Path
from server import packages

ignored = packages.use(Path(sys.argv[1]))
found = {}
for name in sys.argv[2:]:
    try:
        found[name] = import_module(name).__file__
    except ImportError as error:
        found[name] = type(error).__name__
import json
print(json.dumps([ignored, found]))
"""


def module(folder: Path, name: str, version: str = "") -> None:
    """Put a module into the folder as pip --target does."""
    (folder / f"{name}.py").write_text("")
    if version:
        (folder / f"{name}-{version}.dist-info").mkdir()
        (folder / f"{name}-{version}.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    made = tmp_path / "packages"
    made.mkdir()
    for name in ("numpy", "joblib", "sklearn", "own_module", "pathlib", "typing", "sanic_ext"):
        module(made, name)
    module(made, "orjson", "3.6.0")
    module(made, "typing_extensions", importlib.metadata.version("typing_extensions"))
    (made / "cut_off-1.0.dist-info").mkdir()
    return made


def test_use_takes_all_modules_from_the_packages_but_the_servers_own_and_pythons(packages: Path) -> None:
    names = [
        "numpy",
        "joblib",
        "sklearn",
        "own_module",
        "pathlib",
        "typing",
        "orjson",
        "typing_extensions",
        "sanic_ext",
    ]
    done = subprocess.run([sys.executable, "-c", PROGRAM, packages, *names], capture_output=True, text=True, check=True)
    ignored, found = json.loads(done.stdout)
    assert ignored == [f"orjson 3.6.0 (the server's is {importlib.metadata.version('orjson')})"]
    brought = {name for name, file in found.items() if file.startswith(str(packages))}
    assert brought == {"numpy", "joblib", "sklearn", "own_module"}
    assert found["sanic_ext"] == "ModuleNotFoundError"


def test_use_puts_the_folder_after_the_standard_library_and_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "path", ["/script", "/python/lib", "/own/site-packages", "/more"])
    monkeypatch.setattr("server.packages.sysconfig.get_path", lambda _: "/own/site-packages")
    assert use(tmp_path) == []
    assert sys.path == ["/script", "/python/lib", str(tmp_path), "/own/site-packages", "/more"]


def test_own_modules_are_those_of_the_distributions_that_the_server_runs_on() -> None:
    needed, left = set[str](), ["sanic", "orjson", "structlog", "prometheus-client"]
    while left:
        name = re.sub(r"[-_.]+", "_", left.pop()).lower()
        if name not in needed:
            needed.add(name)
            requirements = map(Requirement, importlib.metadata.requires(name) or ())
            left += [it.name for it in requirements if not it.marker or it.marker.evaluate({"extra": ""})]
    # Sanic needs setuptools only to be installed. sanic_ext must never be found.
    assert needed - {"setuptools"} == OWN - {"sanic_ext"}
