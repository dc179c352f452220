"""The secrets in this process: taken out of its environment, and its memory closed to other processes of its user.

Programs that the watcher starts (a model's server, a plugin of the kubeconfig) inherit the environment. It gives them
what they need by name.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping, MutableMapping

STORE_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
)
"""The variables of the store's keys, with the names that MinIO's clients take too."""

OWN = ("KUBESERVE_WEBHOOK_TOKEN", "KUBESERVE_POD_AWS_ACCESS_KEY_ID", "KUBESERVE_POD_AWS_SECRET_ACCESS_KEY")
"""The variables of settings that are secrets. `Settings` has them by the time they are taken."""

PR_SET_DUMPABLE = 4

_taken: dict[str, str] = {}


def take(environ: MutableMapping[str, str] = os.environ) -> None:
    """Take the secrets out of the environment. Afterwards only `store_keys` returns those of the store."""
    for name in (*STORE_KEYS, *OWN):
        value = environ.pop(name, "")
        if value and name in STORE_KEYS:
            _taken[name] = value


def store_keys() -> Mapping[str, str]:
    """Return the variables of the store's keys: those that were taken, else those of the environment."""
    return dict(_taken) or {name: os.environ[name] for name in STORE_KEYS if os.environ.get(name)}


def hide_memory() -> None:
    """Keep other processes of the same user from reading this one's memory and first environment, on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
