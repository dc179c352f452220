"""Summarise where a program spends its time, from py-spy's samples. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

PACKAGES_SHOWN, FUNCTIONS_SHOWN = 6, 3
_IDLE = "_worker (concurrent/futures/thread.py"
"""A pool's thread that waits for work. py-spy counts it as working when the core is busy."""
_LOOP = "_run_server_forever (sanic/"
"""Below it is uvloop, whose frames py-spy does not see: sockets, and waits for them."""
_FRAME = re.compile(r"(?P<name>.+) \((?P<place>[^()]+?)(:\d+)?\)$")


def described(raw: str) -> str:
    """Return, from `py-spy -f raw`, such as `sklearn 48 %, sanic 30 %, …; most in: check_array (sklearn) 9 %, …`."""
    packages: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if frames[-1].startswith(_IDLE):
            continue
        package, name = ("uvloop", "sockets") if frames[-1].startswith(_LOOP) else _leaf(frames)
        packages[package] += int(count)
        functions[f"{name} ({package})"] += int(count)
    if not packages:
        return "no samples"
    return f"{_shares(packages, PACKAGES_SHOWN)}; most in: {_shares(functions, FUNCTIONS_SHOWN)}"


def _leaf(frames: Sequence[str]) -> tuple[str, str]:
    """Return the package and name of the innermost function. Without a package, its caller's is returned."""
    found = [match for frame in frames if (match := _FRAME.match(frame))]
    places = [match["place"] for match in reversed(found) if not match["place"].startswith("<")]
    package = next((place.partition("/")[0] for place in places if "/" in place), "python")
    return package, found[-1]["name"] if found else frames[-1]


def _shares(counted: Counter[str], shown: int) -> str:
    total = counted.total()
    return ", ".join(f"{name} {count / total:.0%}" for name, count in counted.most_common(shown))
