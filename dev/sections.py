"""Documents in which each command writes its own section, between two markers."""

from __future__ import annotations

import re
from pathlib import Path


def write_section(path: Path, name: str, text: str) -> None:
    """Put `text` between the markers of section `name`; at the end of the file where it has no such section yet."""
    old = path.read_text() if path.exists() else ""
    section = f"<!-- {name} -->\n{text.strip()}\n<!-- /{name} -->"
    pattern = rf"<!-- {re.escape(name)} -->.*?<!-- /{re.escape(name)} -->"
    new, found = re.subn(pattern, lambda _: section, old, flags=re.DOTALL)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(new if found else f"{old.rstrip()}\n\n{section}\n".lstrip())
