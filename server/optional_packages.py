"""Leave out packages that our libraries import wherever they happen to be installed, and that a server never uses.

A development environment has them: `rich` for structlog's coloured tracebacks, `trustme` for Sanic's certificates of
development. Their imports take longer than those of the server itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

UNUSED = ("better_exceptions", "rich", "trustme")


@contextmanager
def left_out() -> Iterator[None]:
    """Make their imports fail inside the block, as where they are not installed. Afterwards they can be imported."""
    names = [name for name in UNUSED if name not in sys.modules]
    absent: Any = dict.fromkeys(names)  # an import of what is None here fails
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name in names:
            if sys.modules.get(name, sys) is None:
                del sys.modules[name]
