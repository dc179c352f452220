"""The command line, `kubeserve` or `python -m watcher`."""

from __future__ import annotations

import sys
from typing import Any

INTERRUPTED = 130
"""The exit code, as `watcher.cli.errors` has it, which may not be imported yet."""


def main(**options: Any) -> Any:
    """Run the command line. Ctrl-C while its modules are imported is no traceback either."""
    try:
        from watcher.cli.main import main as commands  # noqa: PLC0415 - see above
    except KeyboardInterrupt:
        return INTERRUPTED
    return commands(**options)


if __name__ == "__main__":
    sys.exit(main(prog_name="kubeserve"))
