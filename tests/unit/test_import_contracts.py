"""The import contracts fail for a module that is in no layer, and for Sanic where it does not belong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
WITH_SANIC = {
    "server.http",
    "server.app",
    "server.__main__",
    "watcher.web",
    "watcher.page_routes",
    "watcher.status_routes",
    "watcher.compose",
    "watcher.cli",
    "watcher.__main__",
}
"""The modules that may import Sanic, and those above them, which import these."""


def test_contracts_fail_for_a_module_in_no_layer(tmp_path: Path) -> None:
    strangers = [*(f"{package}/stranger.py" for package in ("kubeserve", "server", "watcher"))]
    strangers += [f"{room}/stranger.py" for room in exhaustive_rooms()]
    printed = lint(tmp_path, dict.fromkeys(strangers, ""))
    missing = [name for name in strangers if name.removesuffix(".py").replace("/", ".") not in printed]
    assert not missing, printed


def test_contracts_fail_for_sanic_in_a_protocol(tmp_path: Path) -> None:
    source = (ROOT / "server" / "protocols" / "mlflow.py").read_text()
    printed = lint(tmp_path, {"server/protocols/mlflow.py": f"{source}\nimport sanic\n"})
    assert "server.protocols.mlflow -> sanic" in printed


@pytest.mark.parametrize("package", ["server", "watcher"])
def test_sanic_contracts_contain_every_other_module(package: str) -> None:
    paths = (ROOT / package).iterdir()
    names = {f"{package}.{path.stem}" for path in paths if path.suffix == ".py" or (path / "__init__.py").exists()}
    listed = {
        name for contract in CONTRACTS if contract.get("forbidden_modules") for name in contract["source_modules"]
    }
    assert names - WITH_SANIC - {f"{package}.__init__"} == {name for name in listed if name.startswith(f"{package}.")}


def exhaustive_rooms() -> list[str]:
    """Return the folders below the two packages whose modules must all be in a layer."""
    containers = [name for contract in CONTRACTS if contract.get("exhaustive") for name in contract["containers"]]
    assert {"server", "watcher", "strict_http", "server.http.routes"} <= set(containers)
    return [name.replace(".", "/") for name in containers if "." in name]


def lint(folder: Path, files: dict[str, str]) -> str:
    """Run the contracts on a copy of the packages with these files, and return what they print. They must fail."""
    for package in ("kubeserve", "server", "watcher", "requirements_txt", "strict_http"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, text in files.items():
        (folder / name).write_text(text)
    program = Path(sys.executable).with_name("lint-imports")
    # Only the copy may be found: the packages are also installed.
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [program, "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout
