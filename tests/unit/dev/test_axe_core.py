from __future__ import annotations

import io
import urllib.request
from pathlib import Path

import pytest

from dev import axe_core
from dev.tools import ToolUnavailable


def test_script_of_other_bytes_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: io.BytesIO(b"not the package"))
    with pytest.raises(ToolUnavailable, match="other bytes"):
        axe_core.script()
    assert not list(tmp_path.rglob("*.js"))
