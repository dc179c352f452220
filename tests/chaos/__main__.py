"""`make chaos`: run every row of the fault table in its long form, and write docs/reliability.md.

Further arguments are pytest's, such as `-k row04`; the figures of the other rows stay.
"""

from __future__ import annotations

import os
import sys

import pytest

from dev import docs

from .rows import LONG_FORM


def main() -> int:
    os.environ[LONG_FORM] = "1"
    code = pytest.main(["-v", "tests/chaos", *sys.argv[1:]])
    sys.argv = sys.argv[:1]  # the arguments were pytest's
    return docs.main() or int(code)


if __name__ == "__main__":
    sys.exit(main())
