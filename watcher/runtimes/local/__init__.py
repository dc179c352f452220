"""The runtime without a cluster: one server process per model, behind a stable local port."""

from watcher.runtimes.local.runtime import LocalRuntime

__all__ = ["LocalRuntime"]
