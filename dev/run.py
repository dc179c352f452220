"""`make run` and `make demo`.

`python -m dev.run run` runs until Ctrl-C; `python -m dev.run demo` shows an upload and an update, and ends.
"""

from __future__ import annotations

import argparse
import sys

from dev.processes import StopRequested, stop_on_signals


def main() -> int:
    """Return 0 after Ctrl-C or a demo that worked, 1 with a sentence on stderr otherwise."""
    parser = argparse.ArgumentParser(prog="python -m dev.run")
    parser.add_argument("action", choices=("run", "demo"))
    parser.add_argument("--store", choices=("minio", "folder"), default="minio")
    arguments = parser.parse_args()
    stop_on_signals()
    try:
        # scikit-learn takes seconds to import. A Ctrl-C during that time must not print a traceback either.
        from dev import session  # noqa: PLC0415

        return session.perform(arguments.action, arguments.store)
    except StopRequested:
        # An interrupted demo did not succeed.
        return 0 if arguments.action == "run" else 130


if __name__ == "__main__":
    sys.exit(main())
