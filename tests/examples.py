"""How many examples Hypothesis tries: a fifth by default, all of them with HYPOTHESIS_PROFILE=thorough, as in CI."""

from __future__ import annotations

import os

from hypothesis import settings

IS_THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"


def examples(thorough: int) -> settings:
    """Return the decorator for a test that needs so many examples in CI."""
    return settings(max_examples=thorough if IS_THOROUGH else max(thorough // 5, 3))
