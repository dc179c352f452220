from __future__ import annotations

import subprocess
import sys

import pytest

from server.optional_packages import left_out

PROGRAM = """
import sys
import server.logs
from server.optional_packages import left_out
with left_out():
    import server.app
print(*sorted({"rich", "trustme", "cryptography", "pandas", "joblib", "sklearn", "scipy"} & sys.modules.keys()))
import rich, trustme
"""


def test_server_imports_no_package_of_the_development_environment() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == []


def test_left_out_package_can_be_imported_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "trustme", raising=False)
    with left_out(), pytest.raises(ImportError):
        import trustme  # noqa: F401
    import trustme as found

    assert found.CA


def test_left_out_keeps_a_package_that_is_imported_already() -> None:
    import trustme

    with left_out():
        assert sys.modules["trustme"] is trustme
    assert sys.modules["trustme"] is trustme
