"""The command line, `kubeserve` or `python -m watcher`."""

from __future__ import annotations

import sys

from watcher.cli.main import main

if __name__ == "__main__":
    sys.exit(main(prog_name="kubeserve"))
