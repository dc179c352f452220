from __future__ import annotations

import json
from typing import Any

import pytest

from server.download.by_urls import PYTHON, SignedFiles


@pytest.mark.parametrize(
    ("installed", "packages"),
    [
        ({PYTHON: "x==1 y==2", "2.7": "x==0.1"}, "x==1 y==2"),
        ({"2.7": "x==0.1"}, ""),
        ({}, ""),
        (None, ""),
        ("x==1", ""),
    ],
)
def test_packages_are_those_that_a_pod_with_the_same_python_has_installed(installed: Any, packages: str) -> None:
    file = {"urls": ["https://minio/models/team/iris/requirements.txt"], "installed": installed}
    assert SignedFiles(json.dumps({"requirements.txt": file})).packages == packages
